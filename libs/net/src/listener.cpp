#include "net/listener.h"

#include <cerrno>
#include <netinet/tcp.h>
#include <system_error>
#include <utility>

namespace net {
namespace {

// A burst of connects must not keep the sessions of this loop waiting: the rest is taken in the
// next round, since the listening socket stays readable.
constexpr int kAcceptsPerEvent = 64;
constexpr std::chrono::milliseconds kPause{100};

bool out_of_resources(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

UniqueFd bind_listening_socket(const SocketAddress& address) {
    const auto fail = [&] {
        throw std::system_error(errno, std::generic_category(),
                                "cannot listen on " + address.to_string());
    };
    UniqueFd socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket)
        fail();
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // An IPv6 port is that alone, so that "0.0.0.0:6432" beside "[::]:6432" means what it says.
    if (address.family() == AF_INET6)
        ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    // Accepted sockets inherit it: one system call here instead of one for each connection.
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::bind(socket.get(), address.data(), address.size()) != 0 ||
        ::listen(socket.get(), SOMAXCONN) != 0)
        fail();
    return socket;
}

Listener::Listener(EventLoop& loop, UniqueFd socket, AcceptHandler& handler)
    : loop_(loop),
      socket_(std::move(socket)),
      address_(SocketAddress::local_of(socket_.get())),
      handler_(handler),
      resume_timer_(loop.timers(), [this] { resume(); }) {
    resume();
    if (!accepting_)
        throw std::system_error(errno, std::generic_category(),
                                "cannot accept on " + address_.to_string());
}

Listener::~Listener() {
    if (accepting_)
        loop_.remove(socket_.get());
}

void Listener::on_event(std::uint32_t /*events*/) noexcept {
    for (int i = 0; i < kAcceptsPerEvent; ++i) {
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
        auto* const address = reinterpret_cast<sockaddr*>(&peer);
        UniqueFd connection(::accept4(socket_.get(), address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (connection) {
            handler_.on_accept(std::move(connection), SocketAddress::from_sockaddr(address, size));
            continue;
        }
        if (out_of_resources(errno))
            pause(errno);
        // What else accept4 reports concerns one connection that is gone, or means none is left.
        if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

void Listener::pause(int error) noexcept {
    loop_.remove(socket_.get());
    accepting_ = false;
    resume_timer_.arm(kPause);
    handler_.on_accept_paused(error);
}

void Listener::resume() {
    accepting_ = loop_.add(socket_.get(), EPOLLIN, *this) == 0;
    if (!accepting_)
        resume_timer_.arm(kPause);
}

}  // namespace net
