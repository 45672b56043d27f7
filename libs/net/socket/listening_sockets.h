#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/socket/listening_socket.h"

namespace net {

/// The one owner of every listening socket of a daemon; nothing else binds or closes one.
/// Whoever accepts on one shares it for as long. One thread.
class ListeningSockets {
  public:
    using Socket = std::shared_ptr<const ListeningSocket>;
    struct Wish {
        std::string owner;  ///< whose it is: "cluster/port", "HTTP API"
        ListenAddress address;
        ListenOptions options;
        std::string place = {};  ///< in the configuration: "file:line"
    };
    /// A socket for each wish, in their order.
    using Prepared = std::vector<Socket>;

    /// Those that are there already, and new ones, bound but not accepted on. Nothing of what is in
    /// use changes. Throws std::system_error naming place, owner and address; then nothing has
    /// happened.
    [[nodiscard]] Prepared prepare(const std::vector<Wish>& wishes) const;
    /// From now on these: all others close once nobody accepts on them any more.
    void use(const std::vector<Wish>& wishes, const Prepared& prepared);

  private:
    // A port given as 0 becomes a number that is its owner's alone.
    using Key = std::pair<std::string, std::string>;
    static Key key_of(const Wish& wish);

    std::map<Key, Socket> sockets_;
};

}  // namespace net
