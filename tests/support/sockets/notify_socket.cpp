#include "notify_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <utility>

#include "support/sockets/socket.h"

namespace support {

namespace {

constexpr char kSignOfLife[] = "WATCHDOG=1";

bool is_about_descriptors(const std::string& message) {
    return message.starts_with("FDSTORE");
}

std::string name_in(const std::string& message) {
    const auto at = message.find("FDNAME=");
    return at == std::string::npos ? "" : message.substr(at + std::strlen("FDNAME="));
}

}  // namespace

NotifySocket::NotifySocket() : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::system_error(errno, std::generic_category(), "bind");
}

std::string NotifySocket::receive(Milliseconds timeout) {
    if (!wait_ready(fd_.get(), POLLIN, Clock::now() + timeout))
        return {};
    std::array<char, 4096> text{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    iovec part{text.data(), text.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t size = ::recvmsg(fd_.get(), &header, MSG_CMSG_CLOEXEC);
    std::string message(text.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
    const cmsghdr* rights = CMSG_FIRSTHDR(&header);
    if (rights != nullptr && rights->cmsg_type == SCM_RIGHTS) {
        int descriptor = -1;
        std::memcpy(&descriptor, CMSG_DATA(rights), sizeof descriptor);
        const std::string name = name_in(message);
        kept_[name] = Fd(descriptor);
        if (message.find("\nFDPOLL=0\n") == std::string::npos)
            polled_.insert(name);
        else
            polled_.erase(name);
    } else if (message.starts_with("FDSTOREREMOVE=1")) {
        kept_.erase(name_in(message));
    }
    return message;
}

const std::map<std::string, Fd>& NotifySocket::kept() {
    std::erase_if(kept_, [this](const auto& entry) {
        pollfd hang_up{entry.second.get(), 0, 0};
        return polled_.contains(entry.first) && ::poll(&hang_up, 1, 0) > 0;
    });
    return kept_;
}

std::string NotifySocket::next() {
    while (true) {
        std::string message = take(default_timeout);
        if (message.empty())
            return "nothing";
        if (message != kSignOfLife && !is_about_descriptors(message))
            return message;
    }
}

std::string NotifySocket::next_sign_of_life() {
    while (true) {
        std::string message = take(default_timeout);
        if (message.empty())
            return "nothing";
        if (message == kSignOfLife)
            return message;
    }
}

void NotifySocket::wait_until_kept(const std::string& name) {
    read_until([&] { return kept_.contains(name); }, name + " to be kept");
}

void NotifySocket::wait_until_forgotten(const std::string& name) {
    read_until([&] { return !kept_.contains(name); }, name + " to be forgotten");
}

void NotifySocket::read_until(const std::function<bool()>& done, const std::string& what) {
    while (!done()) {
        std::string message = receive(default_timeout);
        if (message.empty())
            throw TimedOut(default_timeout, what, "no message");
        unread_.push_back(std::move(message));
    }
}

void NotifySocket::forget() {
    while (!take(Milliseconds{0}).empty()) {
    }
}

bool NotifySocket::told_within(Milliseconds time) {
    const auto end = Clock::now() + time;
    while (true) {
        const auto left = std::chrono::ceil<Milliseconds>(end - Clock::now());
        std::string message = receive(std::max(left, Milliseconds{0}));
        if (message.empty())
            return false;
        const bool told = !is_about_descriptors(message);
        unread_.push_back(std::move(message));
        if (told)
            return true;
    }
}

std::string NotifySocket::take(Milliseconds timeout) {
    if (unread_.empty())
        return receive(timeout);
    std::string message = std::move(unread_.front());
    unread_.pop_front();
    return message;
}

}  // namespace support
