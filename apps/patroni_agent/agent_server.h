#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "net/loop/event_loop.h"
#include "net/loop/listener.h"
#include "net/loop/timer.h"
#include "net/socket/listening_socket.h"
#include "net/socket/unique_fd.h"

namespace agent {

/// Answers agent-checks on one listening socket: one line to each connection, at once or, where
/// HAProxy sends a request first, after that. Loop thread only.
///
/// Whatever a client does (says nothing, never reads, sends garbage without end) it is gone two
/// seconds after it came, and a thousand such clients are all there can be: of more, the oldest
/// goes. What it has said by then is answered, line or not.
class AgentServer final : private net::AcceptHandler {
  public:
    using Socket = std::shared_ptr<const net::ListeningSocket>;
    struct Request {
        std::string_view line;  ///< without its line break; empty where none is sent
        bool is_whole = true;   ///< false: it had none when its time was up, or when it ended
    };
    /// The whole reply, newline included; empty: the client is told nothing, and the end of the
    /// stream.
    using Reply = std::function<std::string(const Request& request)>;

    AgentServer(net::EventLoop& loop, Socket socket, bool by_request, Reply reply);
    AgentServer(const AgentServer&) = delete;
    AgentServer& operator=(const AgentServer&) = delete;
    ~AgentServer();

    [[nodiscard]] const Socket& socket() const noexcept { return socket_; }

  private:
    class Connection;
    using Connections = std::list<std::unique_ptr<Connection>>;

    void on_accept(net::UniqueFd connection, const net::SocketAddress& peer) noexcept override;
    void on_accept_paused(int error) noexcept override;
    void send_reply(int fd, const Request& request);
    void drop(Connections::iterator connection);
    void drop_late();

    net::EventLoop& loop_;
    const Socket socket_;
    const bool by_request_;
    const Reply reply_;
    Connections connections_;  // the oldest first
    net::Timer late_;          ///< when the oldest has had its time
    bool paused_ = false;
    net::Listener listener_;
};

}  // namespace agent
