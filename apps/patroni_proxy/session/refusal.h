#pragma once

#include <string>
#include <sys/types.h>

#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "patroni_proxy/postgres/startup.h"

namespace proxy {

/// Told once, and never from within a call. Loop thread only.
class RefusalOwner {
  public:
    virtual void on_refused() noexcept = 0;
    /// It was no session that the client wanted.
    virtual void on_refused_cancel(const std::string& request) noexcept = 0;

  protected:
    ~RefusalOwner() = default;
};

/// Listens to a client that cannot be served, so that it learns why as PostgreSQL would tell it,
/// or its cancel request is known for one.
/// A request for encryption is answered with no. Clients that begin with TLS, speak another
/// protocol, or take too long end without a word. Loop thread only; borrows the client's socket.
/// Like every handler it outlives the batch of events it was active in.
class Refusal final : private net::EventHandler {
  public:
    /// `answer` is what a startup packet gets; empty: the end of the connection alone, at the first
    /// bytes of the client, and a request for encryption gets no more.
    Refusal(net::EventLoop& loop, int client, std::string answer, RefusalOwner& owner);
    Refusal(const Refusal&) = delete;
    Refusal& operator=(const Refusal&) = delete;

    /// `asked`: what the client has said already.
    void start(Startup asked);
    /// The owner closes the socket: it is not told anything more.
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
