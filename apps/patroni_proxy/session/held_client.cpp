#include "patroni_proxy/session/held_client.h"

#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <system_error>
#include <utility>

#include "patroni_proxy/postgres/postgres_messages.h"

namespace proxy {
namespace {

constexpr std::string_view kWhileHeld = "while it was held";

}  // namespace

void HeldClient::watch(int client, Startup& startup) noexcept {
    client_ = client;
    startup_ = &startup;
    watch_for(EPOLLRDHUP);
}

/// Once it is clear that the client sends no cancel request, only its end matters.
void HeldClient::watch_for(std::uint32_t events) noexcept {
    if (startup_->hears_client())
        events |= EPOLLIN;
    if (const int error = loop_.take_over(client_, events, *this); error != 0) {
        stop();
        owner_.on_held_end(SessionEnd::out_of_resources, std::generic_category().message(error));
    }
}

void HeldClient::on_event(std::uint32_t events) noexcept {
    if (client_ < 0)
        return;  // fetched before it stopped
    ssize_t count = 0;
    if (startup_->hears_client()) {
        std::array<char, kMaxRequest> bytes;
        count = ::recv(client_, bytes.data(), bytes.size(), 0);
        if (count > 0) {
            if (startup_->on_client({bytes.data(), static_cast<std::size_t>(count)}) !=
                Startup::Next::cancel)
                return watch_for(EPOLLRDHUP);
            stop();
            return owner_.on_held_cancel(startup_->request());
        }
    }
    int error = count < 0 && errno != EAGAIN && errno != EINTR ? errno : 0;
    socklen_t size = sizeof error;
    if (error == 0 && (events & (EPOLLERR | EPOLLHUP)) != 0)
        (void)::getsockopt(client_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        stop();
        return owner_.on_held_end(SessionEnd::client_failed, kWhileHeld);
    }
    if ((events & (EPOLLRDHUP | EPOLLHUP)) == 0)
        return;
    // A client that closes its half will send nothing more. If all it has sent is a request to
    // begin, there is nothing to serve: it has given up. So it has if it speaks TLS: no
    // handshake ends without another word from the client.
    int unread = 0;
    (void)::ioctl(client_, FIONREAD, &unread);
    const bool stays = (events & EPOLLHUP) == 0 && !startup_->speaks_tls() &&
                       (startup_->speaks_on() || unread > 0);
    if (stays)
        return watch_for(0);
    stop();
    owner_.on_held_end(SessionEnd::client_closed, kWhileHeld);
}

}  // namespace proxy
