#include "patroni_proxy/backend/request/backend_request.h"

#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

namespace proxy {

BackendRequest::BackendRequest(net::EventLoop& loop, std::string request, OnReply on_reply)
    : loop_(loop),
      request_(std::move(request)),
      on_reply_(std::move(on_reply)),
      connector_(loop, *this) {}

void BackendRequest::start(const net::SocketAddress& address, std::chrono::milliseconds timeout,
                           const net::TcpOptions& options) {
    connector_.start(address, timeout, options);
}

void BackendRequest::cancel() noexcept {
    connector_.cancel();
    close();
}

void BackendRequest::close() noexcept {
    if (connection_)
        loop_.remove(connection_.get());
    connection_.reset();
}

void BackendRequest::on_connected(net::UniqueFd connection) noexcept {
    connection_ = std::move(connection);
    // A new connection takes far more than this at once.
    const ssize_t sent = ::send(connection_.get(), request_.data(), request_.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(request_.size()))
        return end(BackendReply::Kind::ended, errno);
    if (const int error = loop_.take_over(connection_.get(), EPOLLIN, *this); error != 0)
        return end(BackendReply::Kind::no_resources, error);
    on_reply_({BackendReply::Kind::sent});
}

void BackendRequest::on_connect_failed(int error) noexcept {
    end(net::is_own_trouble(error) ? BackendReply::Kind::no_resources
                                   : BackendReply::Kind::not_connected,
        error);
}

void BackendRequest::on_event(std::uint32_t /*events*/) noexcept {
    if (!connection_)
        return;  // cancelled in this batch
    std::array<char, 1'024> bytes;
    const ssize_t count = ::recv(connection_.get(), bytes.data(), bytes.size(), 0);
    if (count > 0)
        on_reply_({BackendReply::Kind::bytes, 0, {bytes.data(), static_cast<std::size_t>(count)}});
    else if (count == 0)
        end(BackendReply::Kind::ended, 0);
    else if (errno != EAGAIN && errno != EINTR)
        end(BackendReply::Kind::ended, errno);
}

void BackendRequest::end(BackendReply::Kind kind, int error) noexcept {
    close();
    on_reply_({kind, error});
}

}  // namespace proxy
