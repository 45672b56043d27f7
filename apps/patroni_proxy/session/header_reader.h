#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "patroni_proxy/host/port_settings.h"
#include "patroni_proxy/proxy_protocol/proxy_header.h"

namespace proxy {

/// One of them is called once, and may be called from within start(). Loop thread only.
class HeaderOwner {
  public:
    /// `header` is `none` if the client speaks for itself. What it said behind the header is still
    /// in the kernel.
    virtual void on_header(const ProxyHeader& header) noexcept = 0;
    virtual void on_no_header(std::string_view problem) noexcept = 0;

  protected:
    ~HeaderOwner() = default;
};

/// Waits for the header of the PROXY protocol that a client begins with, and takes it out of the
/// kernel. A client that says nothing for a while, or something else, has none.
/// Loop thread only; borrows the client's socket. Like every handler it outlives the batch of
/// events it was active in.
class HeaderReader final : private net::EventHandler {
  public:
    /// Senders write the header at once when they are connected; HAProxy does so within
    /// microseconds.
    static constexpr std::chrono::milliseconds kPatience{3'000};

    HeaderReader(net::EventLoop& loop, int client, AcceptProxy accept, HeaderOwner& owner);
    HeaderReader(const HeaderReader&) = delete;
    HeaderReader& operator=(const HeaderReader&) = delete;

    /// `begun`: what another process has taken out of the kernel.
    void start(std::string begun = {}) noexcept;
    [[nodiscard]] const std::string& begun() const noexcept { return begun_; }
    /// The owner closes the socket, and is called no more.
    void cancel() noexcept;

  private:
    void on_event(std::uint32_t events) noexcept override;
    void fail(std::string_view problem) noexcept;

    net::EventLoop& loop_;
    const int client_;
    const AcceptProxy accept_;
    HeaderOwner& owner_;
    std::string begun_;  ///< of a header that comes in pieces: what was taken out of the kernel
    net::Timer timer_;
    bool finished_ = false;
};

}  // namespace proxy
