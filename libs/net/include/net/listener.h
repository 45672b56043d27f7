#pragma once

#include <cstdint>

#include "net/event_loop.h"
#include "net/socket_address.h"
#include "net/timer.h"
#include "net/unique_fd.h"

namespace net {

/// Told of every connection that a Listener accepts. Loop thread only.
class AcceptHandler {
  public:
    /// The connection is non-blocking, close-on-exec and has TCP_NODELAY set.
    virtual void on_accept(UniqueFd connection, const SocketAddress& peer) noexcept = 0;
    /// Accepting pauses for a moment: the process or the system is out of descriptors or memory.
    virtual void on_accept_paused(int error) noexcept = 0;

  protected:
    ~AcceptHandler() = default;
};

/// A listening socket, bound but not yet accepting. Throws std::system_error naming the address.
[[nodiscard]] UniqueFd bind_listening_socket(const SocketAddress& address);

/// Accepts connections on one loop. Owns the listening socket; loop thread only.
class Listener final : private EventHandler {
  public:
    /// Begins to accept at once. Throws std::system_error if the loop cannot take the descriptor.
    Listener(EventLoop& loop, UniqueFd socket, AcceptHandler& handler);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener();

    /// Where it really listens: a port given as 0 has become a number.
    [[nodiscard]] const SocketAddress& address() const noexcept { return address_; }

  private:
    void on_event(std::uint32_t events) noexcept override;
    void pause(int error) noexcept;
    void resume();

    EventLoop& loop_;
    UniqueFd socket_;
    SocketAddress address_;
    AcceptHandler& handler_;
    Timer resume_timer_;
    bool accepting_ = false;
};

}  // namespace net
