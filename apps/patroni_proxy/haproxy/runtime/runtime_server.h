#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "net/loop/event_loop.h"
#include "net/loop/listener.h"
#include "net/loop/timer.h"
#include "net/socket/listening_socket.h"
#include "patroni_proxy/haproxy/runtime/runtime_line.h"

namespace proxy::haproxy {

/// HAProxy's runtime socket: a line of commands, an answer that ends with an empty line, and the
/// end; after `prompt`, any number of lines, each answer followed by "> ".
/// Source: HAProxy's management guide, 9.3, and what HAProxy 2.6 and 3.2 were seen to answer.
///
/// Loop thread only. A client has ten seconds to send each line and to take each answer, or what
/// `set timeout cli` says, up to an hour. At most 32 clients: another one replaces the client that
/// has been idle for longest. A line of more than 16 KiB ends the connection. Clients with many
/// commands take turns, so that the loop gets to other things after a few commands.
class RuntimeServer final : private net::AcceptHandler {
  public:
    static constexpr std::size_t kMaxClients = 32;

    using Socket = std::shared_ptr<const net::ListeningSocket>;
    /// The answer to one command: lines, each with its end; empty if there is nothing to say. Loop
    /// thread, once, at once or later; dropped if the client has gone.
    using Reply = std::function<void(std::string)>;
    /// `client` names who asks, for the log: "uid 0, pid 42".
    using Run = std::function<void(const Words& command, const std::string& client, Reply reply)>;

    /// Hands our listening sockets to a HAProxy that starts (`_getsocks`), on this connection.
    using HandOver = std::function<void(net::UniqueFd connection, const std::string& client)>;

    /// Without `hand_over`, none are handed over. Throws std::system_error if the loop cannot watch
    /// the socket.
    RuntimeServer(net::EventLoop& loop, Socket socket, Run run, HandOver hand_over = {});
    RuntimeServer(const RuntimeServer&) = delete;
    RuntimeServer& operator=(const RuntimeServer&) = delete;
    ~RuntimeServer();

    [[nodiscard]] const Socket& socket() const noexcept { return socket_; }
    /// Another process accepts on the socket from now on; those who are connected are served. May
    /// be called amid a batch of events.
    void stop_accepting() noexcept { listener_.stop(); }

  private:
    class Client;
    using Clients = std::list<std::unique_ptr<Client>>;

    void on_accept(net::UniqueFd connection, const net::SocketAddress& peer) noexcept override;
    void on_accept_paused(int error) noexcept override;
    [[nodiscard]] Reply reply_to(Client& client);
    void give_turn_to(const Client& client);
    void post_turn();
    void next_turn();
    [[nodiscard]] Client* find(std::uint64_t id) const;  ///< null if it has gone
    void drop(Clients::iterator client);
    void drop_late();

    net::EventLoop& loop_;
    const Socket socket_;
    const Run run_;
    const HandOver hand_over_;
    Clients clients_;
    std::uint64_t last_id_ = 0;
    std::deque<std::uint64_t> turns_;  ///< ids of clients whose commands wait for the loop
    /// Replies hold it weakly: it goes with the server.
    const std::shared_ptr<RuntimeServer*> alive_ = std::make_shared<RuntimeServer*>(this);
    net::Timer late_;  ///< while there are clients: drops those whose time is over, once a second
    net::Listener listener_;
};

}  // namespace proxy::haproxy
