#pragma once

#include <array>
#include <chrono>
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

/// Answers HAProxy's agent checks on one listening socket: one line for each connection, at once or
/// after the request, if HAProxy sends one. Loop thread only.
///
/// Whatever a client does (sends nothing, never reads, sends garbage without end), its connection
/// is closed after two seconds, and what it has sent by then is answered. At most a thousand
/// connections stay open; one more replaces the oldest.
class AgentServer final : private net::AcceptHandler {
  public:
    using Socket = std::shared_ptr<const net::ListeningSocket>;
    struct Request {
        std::string_view line;  ///< without the line break; empty if none is sent
        bool is_whole = true;   ///< false: no line break before the timeout or the end
    };
    /// The whole reply with its newline; empty: close without a reply.
    using Reply = std::function<std::string(const Request& request)>;

    /// How long a connection may stay.
    static constexpr std::chrono::milliseconds kPatience{2'000};

    AgentServer(net::EventLoop& loop, Socket socket, bool by_request, Reply reply,
                std::chrono::milliseconds patience = kPatience);
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
    const std::chrono::milliseconds patience_;
    Connections connections_;  // oldest first
    net::Timer late_;          ///< fires when the oldest times out
    bool paused_ = false;
    net::Listener listener_;
};

}  // namespace agent
