#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/socket/listening_socket.h"

namespace net {

/// One address that a daemon is to listen on.
struct SocketRequest {
    std::string owner;  ///< for messages: "cluster/port", "HTTP API"
    ListenAddress address;
    ListenOptions options;
    std::string place = {};  ///< in the configuration: "file:line"
};

/// The one owner of every listening socket of a daemon; nothing else binds or closes one.
/// Whoever accepts on a socket shares it for as long. One thread.
class ListeningSockets {
  public:
    using Socket = std::shared_ptr<const ListeningSocket>;
    /// A socket for each request, in their order.
    using Prepared = std::vector<Socket>;

    /// The sockets that exist already, and new ones, bound but not accepted on. A unix socket whose
    /// file is gone is bound anew. Sockets in use are not touched. Throws std::system_error naming
    /// place, owner and address; then nothing has happened.
    [[nodiscard]] Prepared prepare(const std::vector<SocketRequest>& requests) const;
    /// Keeps these and gives up all others, which close once nobody accepts on them any more.
    void use(const std::vector<SocketRequest>& requests, const Prepared& prepared);

  private:
    // A port given as 0 becomes a number that is its owner's alone.
    using Key = std::pair<std::string, std::string>;
    static Key key_of(const SocketRequest& request);

    std::map<Key, Socket> sockets_;
};

}  // namespace net
