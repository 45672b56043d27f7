#include "patroni_agent/agent_server.h"

#include <chrono>
#include <sys/socket.h>
#include <system_error>
#include <utility>

#include "daemon/log/log.h"

namespace agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxConnections = 1'000;
constexpr std::size_t kMaxRequest = 256;
// Bytes read after the reply: closing with unread bytes would send a reset, which may overtake the
// reply.
constexpr std::size_t kMaxIgnored = 4 * 1024;

}  // namespace

/// Reads the request, if the listener expects one, and then anything else until the client closes.
class AgentServer::Connection final : public net::EventHandler {
  public:
    Connection(AgentServer& server, net::UniqueFd fd)
        : server_(server),
          loop_(server.loop_),
          fd_(std::move(fd)),
          answered_(!server.by_request_) {}
    /// May outlive its server.
    ~Connection() { loop_.remove(fd_.get()); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// False if the loop cannot watch it.
    [[nodiscard]] bool watch() { return loop_.add(fd_.get(), EPOLLIN, *this) == 0; }

    void on_event(std::uint32_t /*events*/) noexcept override {
        if (dropped_)
            return;
        if (answered_ ? !ignore() : !read_request())
            server_.drop(self);
    }
    /// At the timeout: answers what has come so far.
    void answer_what_came() {
        if (!answered_ && used_ != 0)
            answer({{request_.data(), used_}, false});
    }

    [[nodiscard]] Clock::time_point deadline() const noexcept { return deadline_; }
    /// An event of the same batch may still come.
    void set_dropped() noexcept { dropped_ = true; }

    Connections::iterator self;

  private:
    /// False once there is nothing left to wait for.
    bool read_request() {
        const auto count = ::recv(fd_.get(), request_.data() + used_, request_.size() - used_, 0);
        if (count < 0)
            return errno == EAGAIN || errno == EINTR;
        used_ += static_cast<std::size_t>(count);
        const std::string_view text(request_.data(), used_);
        const auto end = text.find('\n');
        if (end != std::string_view::npos)
            answer({text.substr(0, end), true});
        else if (used_ == request_.size() || (count == 0 && used_ != 0))
            answer({text, false});
        // A client that closes without a request expects no reply.
        return count != 0;
    }

    void answer(const Request& request) {
        answered_ = true;
        server_.send_reply(fd_.get(), request);
    }

    bool ignore() {
        std::array<char, 1'024> bytes;
        const auto count = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
        if (count < 0)
            return errno == EAGAIN || errno == EINTR;
        ignored_ += static_cast<std::size_t>(count);
        return count != 0 && ignored_ <= kMaxIgnored;
    }

    AgentServer& server_;
    net::EventLoop& loop_;
    const net::UniqueFd fd_;
    const Clock::time_point deadline_ = Clock::now() + server_.patience_;
    std::array<char, kMaxRequest> request_;
    std::size_t used_ = 0;
    std::size_t ignored_ = 0;
    bool answered_;
    bool dropped_ = false;
};

AgentServer::AgentServer(net::EventLoop& loop, Socket socket, bool by_request, Reply reply,
                         std::chrono::milliseconds patience)
    : loop_(loop),
      socket_(std::move(socket)),
      by_request_(by_request),
      reply_(std::move(reply)),
      patience_(patience),
      late_(loop.timers(), [this] { drop_late(); }),
      listener_(loop, *socket_, *this) {}

AgentServer::~AgentServer() = default;

void AgentServer::on_accept(net::UniqueFd connection, const net::SocketAddress& /*peer*/) noexcept {
    paused_ = false;
    if (!by_request_) {
        send_reply(connection.get(), {});
        // Most have closed by now: HAProxy closes as soon as it has the line.
        char byte = 0;
        if (::recv(connection.get(), &byte, 1, MSG_PEEK) == 0)
            return;
    }
    if (connections_.size() >= kMaxConnections)
        drop(connections_.begin());
    auto& added =
        connections_.emplace_back(std::make_unique<Connection>(*this, std::move(connection)));
    added->self = std::prev(connections_.end());
    if (!added->watch())
        return drop(added->self);
    if (!late_.armed())
        late_.arm(patience_);
}

void AgentServer::on_accept_paused(int error) noexcept {
    if (!std::exchange(paused_, true))
        daemons::log::error({"accept_paused"}, socket_->address().to_string() +
                                                   ": accepting pauses until there is room: " +
                                                   std::generic_category().message(error));
}

/// A new socket takes a line at once. The end of the stream follows: HAProxy needs no more.
void AgentServer::send_reply(int fd, const Request& request) {
    const std::string line = reply_(request);
    if (!line.empty())
        (void)!::send(fd, line.data(), line.size(), MSG_NOSIGNAL);
    ::shutdown(fd, SHUT_WR);
}

void AgentServer::drop(Connections::iterator connection) {
    (*connection)->set_dropped();
    loop_.dispose_later(std::move(*connection));
    connections_.erase(connection);
}

void AgentServer::drop_late() {
    const auto now = Clock::now();
    while (!connections_.empty() && connections_.front()->deadline() <= now) {
        connections_.front()->answer_what_came();
        drop(connections_.begin());
    }
    if (!connections_.empty())
        late_.arm(connections_.front()->deadline() - now);
}

}  // namespace agent
