#pragma once

#include <chrono>
#include <cstdint>

#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "net/socket/socket_address.h"
#include "net/socket/tcp_options.h"
#include "net/socket/unique_fd.h"

namespace net {

/// Whether a connect failed because this host has run out of descriptors, memory or local ports, or
/// has no address to connect from, which says nothing about the other side. `error` is an errno
/// value.
[[nodiscard]] bool is_own_trouble(int error) noexcept;

/// Receives the outcome of a connect, once. Loop thread only.
class ConnectHandler {
  public:
    /// The connection is non-blocking, close-on-exec and has TCP_NODELAY set. The loop still
    /// watches it for the connector: take_over() it, or close it, before the next event.
    virtual void on_connected(UniqueFd connection) noexcept = 0;
    /// An errno value; ETIMEDOUT if the given time has passed.
    virtual void on_connect_failed(int error) noexcept = 0;

  protected:
    ~ConnectHandler() = default;
};

/// One TCP connect. Loop thread only; owns the socket until it is connected.
/// Like every handler it outlives the batch of events it was active in: EventLoop::dispose_later().
class Connector final : private EventHandler {
  public:
    Connector(EventLoop& loop, ConnectHandler& handler);
    Connector(const Connector&) = delete;
    Connector& operator=(const Connector&) = delete;
    ~Connector();

    /// Reports the outcome later, never from within this call. One connect at a time.
    void start(const SocketAddress& address, std::chrono::milliseconds timeout,
               const TcpOptions& options = {});
    /// Abandons the connect; the handler hears nothing more. Allowed at any time.
    void cancel() noexcept;

  private:
    void on_event(std::uint32_t events) noexcept override;
    void on_timer() noexcept;
    int open(const SocketAddress& address, const TcpOptions& options);

    EventLoop& loop_;
    ConnectHandler& handler_;
    UniqueFd socket_;
    Timer timer_;
    int start_error_ = 0;
    bool used_before_ = false;  ///< events of an earlier socket may still be in this batch
};

}  // namespace net
