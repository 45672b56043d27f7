#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "net/loop/connector.h"
#include "net/loop/event_loop.h"
#include "net/socket/socket_address.h"
#include "net/socket/tcp_options.h"
#include "net/socket/unique_fd.h"

namespace proxy {

/// How a BackendRequest goes.
struct BackendReply {
    enum class Kind : std::uint8_t {
        sent,           ///< the request was sent
        bytes,          ///< a part of the server's answer
        ended,          ///< the connection was closed, or broke with `error`
        not_connected,  ///< the connect failed with `error`
        no_resources,   ///< this host has run out of what `error` says
    };

    Kind kind;
    int error = 0;             ///< an errno value
    std::string_view bytes{};  ///< valid during the call
};

/// One short request to a server over a connection of its own: a cancel request, or the question
/// whether the server accepts sessions.
/// Loop thread only. Like every handler it outlives the batch of events it was active in.
class BackendRequest final : private net::ConnectHandler, private net::EventHandler {
  public:
    using OnReply = std::function<void(const BackendReply&)>;

    /// `on_reply` is never called from within start(); nothing follows the last three kinds.
    BackendRequest(net::EventLoop& loop, std::string request, OnReply on_reply);
    BackendRequest(const BackendRequest&) = delete;
    BackendRequest& operator=(const BackendRequest&) = delete;
    ~BackendRequest() { close(); }

    /// Only the connect has a timeout.
    void start(const net::SocketAddress& address, std::chrono::milliseconds timeout,
               const net::TcpOptions& options = {});
    /// Over an open connection. May call `on_reply` before it returns.
    void start_over(net::UniqueFd connection) noexcept { on_connected(std::move(connection)); }
    /// `on_reply` is not called anymore.
    void cancel() noexcept;

  private:
    void on_connected(net::UniqueFd connection) noexcept override;
    void on_connect_failed(int error) noexcept override;
    void on_event(std::uint32_t events) noexcept override;
    void end(BackendReply::Kind kind, int error) noexcept;
    void close() noexcept;

    net::EventLoop& loop_;
    const std::string request_;
    const OnReply on_reply_;
    net::Connector connector_;
    net::UniqueFd connection_;
};

}  // namespace proxy
