#pragma once

#include <cstdint>

#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "net/socket/listening_socket.h"
#include "net/socket/socket_address.h"
#include "net/socket/unique_fd.h"

namespace net {

/// Receives every connection that a Listener accepts. Loop thread only.
class AcceptHandler {
  public:
    /// The connection is non-blocking, close-on-exec and, if TCP, has TCP_NODELAY set. The client
    /// of a unix socket has no address: `peer` is unset.
    virtual void on_accept(UniqueFd connection, const SocketAddress& peer) noexcept = 0;
    /// The listener pauses for a moment because the process or the system is out of descriptors or
    /// memory. `error` is an errno value.
    virtual void on_accept_paused(int error) noexcept = 0;

  protected:
    ~AcceptHandler() = default;
};

/// Accepts connections on one loop. Borrows the listening socket, which outlives it and may serve
/// another one after it; loop thread only.
class Listener final : private EventHandler {
  public:
    /// Accepts from now on. Throws std::system_error if the loop cannot take the descriptor.
    Listener(EventLoop& loop, const ListeningSocket& socket, AcceptHandler& handler);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener();

    /// Accepts nobody any more. May be called amid a batch of events, in which a handler must not
    /// be destroyed.
    void stop() noexcept;

    [[nodiscard]] const ListenAddress& address() const noexcept { return socket_.address(); }

  private:
    void on_event(std::uint32_t events) noexcept override;
    void pause(int error) noexcept;
    void resume();

    EventLoop& loop_;
    const ListeningSocket& socket_;
    AcceptHandler& handler_;
    Timer resume_timer_;
    bool accepting_ = false;
};

}  // namespace net
