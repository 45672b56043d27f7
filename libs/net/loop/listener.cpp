#include "net/loop/listener.h"

#include <cerrno>
#include <system_error>
#include <utility>

namespace net {
namespace {

// A burst of connects must not delay the sessions of this loop. The socket stays readable, so the
// next batch of events takes the rest.
constexpr int kAcceptsPerEvent = 64;
constexpr std::chrono::milliseconds kPause{100};

bool out_of_resources(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

Listener::Listener(EventLoop& loop, const ListeningSocket& socket, AcceptHandler& handler)
    : loop_(loop),
      socket_(socket),
      handler_(handler),
      resume_timer_(loop.timers(), [this] { resume(); }) {
    resume();
    if (!accepting_)
        throw std::system_error(errno, std::generic_category(),
                                "cannot accept on " + address().to_string());
}

Listener::~Listener() {
    stop();
}

void Listener::stop() noexcept {
    resume_timer_.cancel();
    if (std::exchange(accepting_, false))
        loop_.remove(socket_.get());
}

void Listener::on_event(std::uint32_t /*events*/) noexcept {
    // An event of the batch in which it was stopped may still come.
    for (int i = 0; accepting_ && i < kAcceptsPerEvent; ++i) {
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
        auto* const address = reinterpret_cast<sockaddr*>(&peer);
        UniqueFd connection(::accept4(socket_.get(), address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (connection) {
            handler_.on_accept(std::move(connection), SocketAddress::from_sockaddr(address, size));
            continue;
        }
        const int error = errno;
        // EINVAL: another process that has the socket has stopped it listening.
        if (out_of_resources(error) || error == EINVAL)
            return pause(error);
        // Any other error means that one connection is gone, or that none is left.
        if (error != ECONNABORTED && error != EINTR)
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
