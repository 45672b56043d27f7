#include "patroni_proxy/upgrade/channel.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <system_error>

namespace proxy::upgrade {
namespace {

[[noreturn]] void fail(int error) {
    if (error == 0 || error == EPIPE || error == ECONNRESET)
        throw ChannelEnded();
    throw std::runtime_error("the other process cannot be talked to: " +
                             std::generic_category().message(error));
}

/// False when time is up.
bool wait_for(int fd, short events, Channel::Deadline deadline) {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd entry{.fd = fd, .events = events, .revents = 0};
        const int timeout = static_cast<int>(
            std::clamp<std::int64_t>(left.count(), 0, std::numeric_limits<int>::max()));
        const int ready = ::poll(&entry, 1, timeout);
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            fail(errno);
        if (ready == 0)
            return false;
    }
}

}  // namespace

std::pair<Channel, Channel> Channel::pair() {
    std::array<int, 2> fds{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds.data()) != 0)
        throw std::system_error(errno, std::generic_category(), "socketpair");
    return {Channel(net::UniqueFd(fds[0])), Channel(net::UniqueFd(fds[1]))};
}

void Channel::send(std::string_view bytes, Deadline deadline, std::span<const int> descriptors) {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxDescriptors * sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (!descriptors.empty()) {
        header.msg_control = control.data();
        header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
        cmsghdr* const rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
    }
    for (;;) {
        if (::sendmsg(fd_.get(), &header, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()))
            return;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            fail(errno);
        if (!wait_for(fd_.get(), POLLOUT, deadline))
            throw std::runtime_error("the other process does not answer in time");
    }
}

std::optional<Channel::Message> Channel::receive_now() {
    buffer_.resize(kMaxMessage);
    iovec part{buffer_.data(), buffer_.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxDescriptors * sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    ssize_t size = 0;
    do
        size = ::recvmsg(fd_.get(), &header, MSG_CMSG_CLOEXEC);
    while (size < 0 && errno == EINTR);
    if (size < 0 && errno == EAGAIN)
        return std::nullopt;
    if (size <= 0)
        fail(size == 0 ? 0 : errno);
    Message message;
    for (const cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr;
         each = CMSG_NXTHDR(&header, const_cast<cmsghdr*>(each))) {
        if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS)
            continue;
        const std::size_t count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int descriptor = -1;
            std::memcpy(&descriptor, CMSG_DATA(each) + i * sizeof descriptor, sizeof descriptor);
            message.descriptors.emplace_back(descriptor);
        }
    }
    if ((header.msg_flags & MSG_TRUNC) != 0)
        throw std::runtime_error("the other process has sent too long a message");
    if ((header.msg_flags & MSG_CTRUNC) != 0)
        throw std::runtime_error(
            "descriptors were lost on their way: this process may open too few (LimitNOFILE)");
    message.bytes.assign(buffer_, 0, static_cast<std::size_t>(size));
    return message;
}

Channel::Message Channel::receive(Deadline deadline) {
    for (;;) {
        if (auto message = receive_now())
            return *std::move(message);
        if (!wait_for(fd_.get(), POLLIN, deadline))
            throw std::runtime_error("the other process does not answer in time");
    }
}

void Channel::hear_no_more() noexcept {
    ::shutdown(fd_.get(), SHUT_RD);
}

}  // namespace proxy::upgrade
