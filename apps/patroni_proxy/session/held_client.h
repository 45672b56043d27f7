#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/loop/event_loop.h"
#include "patroni_proxy/host/session_end.h"
#include "patroni_proxy/postgres/startup.h"

namespace proxy {

/// Loop thread only. Each call ends the wait, and may come from within watch().
class HeldClientOwner {
  public:
    /// The client has left, or its socket cannot be watched.
    virtual void on_held_end(SessionEnd end, std::string_view detail) noexcept = 0;
    /// The client wants to cancel a query instead of starting a session.
    virtual void on_held_cancel(const std::string& request) noexcept = 0;

  protected:
    ~HeldClientOwner() = default;
};

/// Listens to a client while it is held: it may leave, or send a cancel request, which need not
/// wait for a backend. Anything else it sends is kept in its Startup, or waits in the kernel. Loop
/// thread only; borrows the client's socket. Like every handler it outlives the batch of events it
/// was active in.
class HeldClient final : private net::EventHandler {
  public:
    HeldClient(net::EventLoop& loop, HeldClientOwner& owner) : loop_(loop), owner_(owner) {}
    HeldClient(const HeldClient&) = delete;
    HeldClient& operator=(const HeldClient&) = delete;

    void watch(int client, Startup& startup) noexcept;
    /// The socket has another handler from now on, or is closed.
    void stop() noexcept { client_ = -1; }

  private:
    void on_event(std::uint32_t events) noexcept override;
    void watch_for(std::uint32_t events) noexcept;

    net::EventLoop& loop_;
    HeldClientOwner& owner_;
    int client_ = -1;
    Startup* startup_ = nullptr;
};

}  // namespace proxy
