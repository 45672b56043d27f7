#include "socket.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <system_error>

namespace support {

namespace {

void check(int result, const std::string& what) {
    if (result < 0)
        throw std::system_error(errno, std::generic_category(), what);
}

void set_option(int fd, int level, int option, int value) {
    check(::setsockopt(fd, level, option, &value, sizeof value), "setsockopt");
}

Fd bound_socket(const std::string& ip, std::uint16_t port) {
    const SocketAddress address(ip, port);
    Fd fd = make_tcp_socket(address.family());
    set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    check(::bind(fd.get(), address.get(), address.length()), "bind " + host_and_port(ip, port));
    return fd;
}

int remaining_ms(Clock::time_point deadline) {
    const auto left = std::chrono::ceil<Milliseconds>(deadline - Clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, 3'600'000));
}

}  // namespace

SocketAddress::SocketAddress(const std::string& ip, std::uint16_t port) {
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    if (::inet_pton(AF_INET, ip.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        length_ = sizeof v4;
        std::memcpy(&storage_, &v4, sizeof v4);
    } else if (::inet_pton(AF_INET6, ip.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        length_ = sizeof v6;
        std::memcpy(&storage_, &v6, sizeof v6);
    } else {
        throw std::invalid_argument("not a numeric IP address: " + ip);
    }
}

const sockaddr* SocketAddress::get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage_);
}

std::string host_and_port(const std::string& ip, std::uint16_t port) {
    const bool v6 = ip.find(':') != std::string::npos;
    return (v6 ? "[" + ip + "]" : ip) + ":" + std::to_string(port);
}

std::uint16_t local_port(int fd) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    check(::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length), "getsockname");
    if (storage.ss_family == AF_INET6)
        return ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port);
    return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
}

Fd make_tcp_socket(int family) {
    Fd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    check(fd.get(), "socket");
    set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    return fd;
}

bool wait_ready(int fd, short events, Clock::time_point deadline) {
    pollfd entry{fd, events, 0};
    for (;;) {
        const int ready = ::poll(&entry, 1, remaining_ms(deadline));
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            check(ready, "poll");
        if (Clock::now() >= deadline)
            return false;
    }
}

int finish_connect(int fd, Clock::time_point deadline) {
    if (!wait_ready(fd, POLLOUT, deadline))
        return ETIMEDOUT;
    int error = 0;
    socklen_t length = sizeof error;
    check(::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length), "getsockopt");
    return error;
}

void reset_on_close(int fd) {
    const linger now{1, 0};
    check(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), "setsockopt");
}

ListeningSocket::ListeningSocket(const std::string& ip, std::uint16_t port, int receive_buffer) {
    // A port that the kernel chose is given back by shutdown(); one asked for by number is kept.
    // So an ephemeral port is found with one socket and then bound by its number with a second.
    Fd chosen = bound_socket(ip, port);
    port_ = local_port(chosen.get());
    fd_ = port == 0 ? bound_socket(ip, port_) : std::move(chosen);
    if (receive_buffer > 0)
        set_option(fd_.get(), SOL_SOCKET, SO_RCVBUF, receive_buffer);
}

void ListeningSocket::listen(int backlog) {
    check(::listen(fd_.get(), backlog), "listen");
    listening_ = true;
}

void ListeningSocket::refuse() {
    if (listening_)
        check(::shutdown(fd_.get(), SHUT_RDWR), "shutdown");
    listening_ = false;
}

Fd ListeningSocket::accept() {
    Fd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd)
        set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    return fd;
}

}  // namespace support
