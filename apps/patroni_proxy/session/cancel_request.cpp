#include "patroni_proxy/session/cancel_request.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

#include "net/loop/connector.h"

namespace proxy {
namespace {

// The client waits for one that it has no session on, and that may be down, no longer than any
// round trip lasts.
constexpr std::chrono::milliseconds kPatienceForUnlikely{1'000};

}  // namespace

/// To one server.
class CancelRequest::Delivery final : public net::ConnectHandler, public net::EventHandler {
  public:
    Delivery(CancelRequest& request, bool likely)
        : request_(request), likely_(likely), connector_(request.loop_, *this) {}

    void start(const net::SocketAddress& address, const net::TcpOptions& options) {
        connector_.start(address, request_.timeout_, options);
    }

    void send_over(net::UniqueFd connection, const std::string& bytes) noexcept {
        connection_ = std::move(connection);
        // It is far less than what a new connection takes at once.
        const ssize_t sent = ::send(connection_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent != static_cast<ssize_t>(bytes.size()) ||
            request_.loop_.take_over(connection_.get(), EPOLLIN, *this) != 0)
            end();
    }

    void on_connected(net::UniqueFd connection) noexcept override {
        send_over(std::move(connection), request_.request_);
    }
    void on_connect_failed(int /*error*/) noexcept override { end(); }

    void on_event(std::uint32_t /*events*/) noexcept override {
        std::array<char, 64> ignored;
        if (!connection_)
            return;  // given up in this batch
        const ssize_t count = ::recv(connection_.get(), ignored.data(), ignored.size(), 0);
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
            end();
    }

  private:
    void end() noexcept {
        connection_.reset();
        request_.on_delivered(likely_);
    }

    CancelRequest& request_;
    const bool likely_;
    net::Connector connector_;
    net::UniqueFd connection_;
};

CancelRequest::CancelRequest(net::EventLoop& loop, std::string request,
                             std::chrono::milliseconds timeout, std::function<void()> done)
    : loop_(loop),
      request_(std::move(request)),
      timeout_(timeout),
      done_(std::move(done)),
      timer_(loop.timers(), [this] { done_(); }) {
    arm_timer();
}

CancelRequest::~CancelRequest() = default;

void CancelRequest::send_to(const net::SocketAddress& address, const net::TcpOptions& options,
                            bool likely) {
    next_delivery(likely).start(address, options);
}

void CancelRequest::send_rest_over(net::UniqueFd connection, const std::string& rest) {
    next_delivery(true).send_over(std::move(connection), rest);
}

CancelRequest::Delivery& CancelRequest::next_delivery(bool likely) {
    ++under_way_;
    likely_under_way_ += likely ? 1 : 0;
    arm_timer();
    deliveries_.push_back(std::make_unique<Delivery>(*this, likely));
    return *deliveries_.back();
}

void CancelRequest::on_delivered(bool likely) {
    --under_way_;
    likely_under_way_ -= likely ? 1 : 0;
    arm_timer();
}

/// Told by it, so that nobody hears of the end from within a call of their own.
void CancelRequest::arm_timer() {
    if (under_way_ == 0)
        return timer_.arm({});
    const auto patience =
        likely_under_way_ != 0 ? timeout_ : std::min(timeout_, kPatienceForUnlikely);
    timer_.arm(started_ + patience - net::TimerQueue::Clock::now());
}

}  // namespace proxy
