#include "patroni_proxy/cancel_request.h"

#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

#include "net/connector.h"

namespace proxy {

/// To one server.
class CancelRequest::Delivery final : public net::ConnectHandler, public net::EventHandler {
  public:
    explicit Delivery(CancelRequest& request)
        : request_(request), connector_(request.loop_, *this) {}

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
        request_.on_delivered();
    }

    CancelRequest& request_;
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
    timer_.arm({});  // it is done already if it goes nowhere
}

CancelRequest::~CancelRequest() = default;

void CancelRequest::send_to(const net::SocketAddress& address, const net::TcpOptions& options) {
    next_delivery().start(address, options);
}

void CancelRequest::send_rest_over(net::UniqueFd connection, const std::string& rest) {
    next_delivery().send_over(std::move(connection), rest);
}

CancelRequest::Delivery& CancelRequest::next_delivery() {
    ++under_way_;
    timer_.arm(timeout_);
    deliveries_.push_back(std::make_unique<Delivery>(*this));
    return *deliveries_.back();
}

void CancelRequest::on_delivered() {
    // Told by the timer, so that nobody hears it from within a call of their own.
    if (--under_way_ == 0)
        timer_.arm({});
}

}  // namespace proxy
