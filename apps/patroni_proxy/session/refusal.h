#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>

#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "patroni_proxy/backend/backend_picker.h"
#include "patroni_proxy/host/session_end.h"
#include "patroni_proxy/host/session_host.h"
#include "patroni_proxy/host/shortage.h"
#include "patroni_proxy/postgres/startup.h"

namespace proxy {

/// Why the session has no backend, `shortage` if it is for want of a place; otherwise as the latest
/// claim says. `tried_any`: the session has tried to connect.
[[nodiscard]] std::string why_no_backend(const SessionHost& port, Shortage shortage,
                                         const Claim& claim, bool tried_any);
/// PostgreSQL's error message with which the client is refused.
[[nodiscard]] std::string refusal_message(const SessionHost& port, SessionEnd end,
                                          const std::string& why, std::string_view sqlstate);

/// Exactly one of the two is called, once, and never from within a call. Loop thread only.
class RefusalOwner {
  public:
    virtual void on_refused() noexcept = 0;
    /// The client wanted to cancel a query instead of starting a session.
    virtual void on_refused_cancel(const std::string& request) noexcept = 0;

  protected:
    ~RefusalOwner() = default;
};

/// Listens to a client that cannot be served, to tell it why as PostgreSQL would, or to recognise
/// its cancel request. A request for encryption is declined. Clients that begin with TLS, speak
/// another protocol, or take too long are closed without an answer.
/// Loop thread only; borrows the client's socket. Like every handler it outlives the batch of
/// events it was active in.
class Refusal final : private net::EventHandler {
  public:
    /// `answer` is the reply to a startup packet. If it is empty, the client gets no reply, not
    /// even to a request for encryption: it is closed at its first bytes.
    Refusal(net::EventLoop& loop, int client, std::string answer, RefusalOwner& owner);
    Refusal(const Refusal&) = delete;
    Refusal& operator=(const Refusal&) = delete;

    /// `asked`: what the client has sent so far.
    void start(Startup asked);
    /// The owner closes the socket; it is not called anymore.
    void cancel() noexcept;

  private:
    void on_event(std::uint32_t events) noexcept override;
    void answer() noexcept;
    void finish() noexcept;

    net::EventLoop& loop_;
    const int client_;
    const std::string answer_;
    RefusalOwner& owner_;
    Startup startup_{true};
    net::Timer timer_;
    bool finished_ = false;
};

}  // namespace proxy
