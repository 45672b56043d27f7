#include "net/loop/connector.h"

#include <cerrno>
#include <netinet/tcp.h>
#include <utility>

namespace net {

bool is_own_trouble(int error) noexcept {
    switch (error) {
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
        case ENOSPC:         // fs.epoll.max_user_watches
        case EADDRNOTAVAIL:  // no local port, or no local address, towards this one
        case EADDRINUSE:
        case EAGAIN:
            return true;
        default:
            return false;
    }
}

Connector::Connector(EventLoop& loop, ConnectHandler& handler)
    : loop_(loop), handler_(handler), timer_(loop.timers(), [this] { on_timer(); }) {}

Connector::~Connector() {
    cancel();
}

void Connector::start(const SocketAddress& address, std::chrono::milliseconds timeout,
                      const TcpOptions& options) {
    start_error_ = open(address, options);
    // The timer also reports a connect that fails at once, so that the outcome always comes later.
    timer_.arm(start_error_ == 0 ? timeout : std::chrono::milliseconds{0});
}

int Connector::open(const SocketAddress& address, const TcpOptions& options) {
    UniqueFd socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket)
        return errno;
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (const int error = apply_to_new(socket.get(), options); error != 0)
        return error;
    if (::connect(socket.get(), address.data(), address.size()) != 0 && errno != EINPROGRESS)
        return errno;
    if (const int error = loop_.add(socket.get(), EPOLLOUT, *this); error != 0)
        return error;
    socket_ = std::move(socket);
    return 0;
}

void Connector::on_event(std::uint32_t events) noexcept {
    if (!socket_)
        return;  // cancelled by an earlier event of this batch
    int error = 0;
    // Writable without an error means connected, unless the event belongs to an earlier socket that
    // was cancelled in this batch.
    if (used_before_ || (events & (EPOLLERR | EPOLLHUP)) != 0) {
        socklen_t size = sizeof error;
        if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0)
            error = errno;
        sockaddr_storage peer{};
        socklen_t peer_size = sizeof peer;
        // Neither failed nor connected: an event of an earlier socket.
        if (error == 0 &&
            ::getpeername(socket_.get(), reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0)
            return;
    }
    timer_.cancel();
    UniqueFd connection = std::move(socket_);
    used_before_ = true;
    if (error == 0)
        return handler_.on_connected(std::move(connection));
    loop_.remove(connection.get());
    connection.reset();
    handler_.on_connect_failed(error);
}

void Connector::on_timer() noexcept {
    const int error = start_error_ != 0 ? start_error_ : ETIMEDOUT;
    cancel();
    handler_.on_connect_failed(error);
}

void Connector::cancel() noexcept {
    timer_.cancel();
    if (!socket_)
        return;
    used_before_ = true;
    loop_.remove(socket_.get());
    socket_.reset();
}

}  // namespace net
