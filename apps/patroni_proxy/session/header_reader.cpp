#include "patroni_proxy/session/header_reader.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

namespace proxy {

HeaderReader::HeaderReader(net::EventLoop& loop, int client, AcceptProxy accept, HeaderOwner& owner)
    : loop_(loop), client_(client), accept_(accept), owner_(owner), timer_(loop.timers(), [this] {
          fail("the client has sent no complete header within 3 s");
      }) {}

void HeaderReader::start(std::string begun) noexcept {
    begun_ = std::move(begun);
    if (loop_.take_over(client_, EPOLLIN, *this) != 0)
        return fail("its socket cannot be watched");
    timer_.arm(kPatience);
}

void HeaderReader::cancel() noexcept {
    finished_ = true;
    timer_.cancel();
}

void HeaderReader::on_event(std::uint32_t /*events*/) noexcept {
    if (finished_)
        return;  // fetched before it was
    std::array<char, kMaxProxyHeader> bytes;
    const ssize_t count = ::recv(client_, bytes.data(), bytes.size() - begun_.size(), MSG_PEEK);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0)
        return fail("the client has ended before its header");
    const std::size_t before = begun_.size();
    const std::string all = begun_ + std::string(bytes.data(), static_cast<std::size_t>(count));
    const ProxyHeader header = read_proxy_header(all);
    if (header.kind == ProxyHeader::Kind::bad)
        return fail(header.problem);
    // No client of PostgreSQL begins like a header, so nothing that was taken belongs to one.
    if (header.kind == ProxyHeader::Kind::none && (accept_ == AcceptProxy::required || before != 0))
        return fail("the client begins with something else");
    const bool complete = header.kind != ProxyHeader::Kind::incomplete;
    const std::size_t taken = complete ? header.size - before : static_cast<std::size_t>(count);
    if (taken != 0 && ::recv(client_, bytes.data(), taken, 0) != static_cast<ssize_t>(taken))
        return fail("its header cannot be read");
    if (!complete) {
        begun_ = all;
        return begun_.size() < kMaxProxyHeader ? void() : fail("the header is too long");
    }
    cancel();
    loop_.remove(client_);
    owner_.on_header(header);
}

void HeaderReader::fail(std::string_view problem) noexcept {
    cancel();
    owner_.on_no_header(problem);
}

}  // namespace proxy
