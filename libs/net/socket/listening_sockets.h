#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/socket/listening_socket.h"
#include "net/socket/unique_fd.h"

namespace net {

/// One address that a daemon is to listen on.
struct SocketRequest {
    std::string owner;  ///< for messages: "cluster/port", "HTTP API"
    ListenAddress address;
    ListenOptions options;
    std::string place = {};  ///< in the configuration: "file:line"
};

/// A listening socket that the process was started with.
struct InheritedSocket {
    std::string name;
    UniqueFd fd;
    std::string address = {};  ///< that its owner wished for, if that is known
};

/// What a keeper calls the socket that listens there: the address, but systemd allows no colon.
[[nodiscard]] std::string name_for_keeper(const ListenAddress& address);

/// Keeps listening sockets open while the daemon restarts: clients wait meanwhile, instead of being
/// refused. Same thread as ListeningSockets.
class SocketKeeper {
  public:
    /// What it kept for this process, or what others want it to serve. Stream sockets that listen,
    /// or did when it was given them: see ListeningSocket::refuse().
    [[nodiscard]] virtual std::vector<InheritedSocket> inherited() = 0;
    /// False if it keeps nothing.
    [[nodiscard]] virtual bool keep(const std::string& name, int socket) = 0;
    virtual void forget(const std::string& name) = 0;
    /// Nobody has asked for an inherited socket, which closes.
    virtual void on_unused(const std::string& name, const ListenAddress& address) = 0;

  protected:
    ~SocketKeeper() = default;
};

/// The one owner of every listening socket of a daemon; nothing else binds or closes one.
/// Whoever accepts on a socket shares it for as long. One thread.
///
/// An inherited socket serves the request for its address, or else the one of the owner that it is
/// named after.
class ListeningSockets {
  public:
    using Socket = std::shared_ptr<const ListeningSocket>;
    /// A socket for each request, in their order.
    using Prepared = std::vector<Socket>;

    /// Borrows the keeper; without one, sockets close with the process.
    explicit ListeningSockets(SocketKeeper* keeper = nullptr);

    /// The sockets that exist already, and new ones, bound but not accepted on. A unix socket whose
    /// file is gone is bound anew. Sockets in use are not touched. Throws std::system_error naming
    /// place, owner and address; then nothing has happened, except that inherited sockets that
    /// these requests do not want have closed.
    [[nodiscard]] Prepared prepare(const std::vector<SocketRequest>& requests);
    /// Keeps these and gives up all others, which close once nobody accepts on them any more.
    /// Returns a sentence for each unix socket of our own whose mode or group the kernel refuses to
    /// set: it serves all the same, but its group then has no access.
    [[nodiscard]] std::vector<std::string> use(const std::vector<SocketRequest>& requests,
                                               const Prepared& prepared);
    /// Sockets that another process listens on: the next requests use those with their addresses,
    /// and the others close. Replaces an earlier offer.
    void offer(std::vector<UniqueFd> sockets);
    /// Whether another process may accept on it too: it was offered, or somebody else keeps it.
    [[nodiscard]] bool is_shared(const Socket& socket) const;
    /// Those of the latest offer that are in use.
    [[nodiscard]] std::vector<ListenAddress> taken() const;
    /// The process is ending: gives up all of them. Those that are kept go on listening.
    void leave();

    /// The address that was asked for where this socket is in use. Its own may be another one: port
    /// 0 has become a number, or a service manager has named the socket after its owner.
    [[nodiscard]] std::string address_wished(const Socket& socket) const;

    // From a running process to the one that succeeds it.
    /// The sockets of the process that this one is to succeed, named after their owners there. The
    /// next requests use them; the unix sockets among them stay at their paths, whatever happens,
    /// until succeed().
    void inherit(std::vector<InheritedSocket>&& sockets);
    /// This process is the one that serves on them now.
    void succeed();
    /// It is also the one whose sockets the keeper keeps: has it keep all of them, and forget those
    /// that only the former process listened on.
    void keep_as_successor();
    /// Another process serves on all of them: gives them up, and leaves paths and keeper alone.
    void hand_over();

  private:
    // A port given as 0 becomes a number that is its owner's alone.
    using Key = std::pair<std::string, std::string>;
    using Sockets = std::map<Key, Socket>;
    static Key key_of(const SocketRequest& request);

    struct Inherited {
        std::string name;  ///< empty: offered, or from the process that this one succeeds
        Socket socket;
        std::string owner = {};   ///< in that process
        std::string wished = {};  ///< the address, there
    };

    [[nodiscard]] Sockets claim_inherited(const std::vector<SocketRequest>& requests);
    [[nodiscard]] bool is_used(const Socket& socket) const;
    void update_kept();

    SocketKeeper* const keeper_;
    std::vector<Inherited> inherited_;  ///< until the first requests
    Sockets sockets_;
    std::map<std::string, Socket> kept_;  ///< by their names for the keeper
    std::vector<Socket> foreign_;         ///< somebody else keeps them
    std::vector<std::weak_ptr<const ListeningSocket>> offered_;
    std::vector<std::string> former_names_;  ///< for the keeper: of the process before this one
};

}  // namespace net
