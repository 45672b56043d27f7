#include "net/socket/socket_address.h"

#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>

namespace net {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return port;
}

/// As inet_ntop() writes it, in a tenth of the time: a log may have thousands of lines a second.
std::string v4_text(const in_addr& address) {
    std::array<std::uint8_t, sizeof address> bytes{};
    std::memcpy(bytes.data(), &address, sizeof address);
    std::string text;
    for (const std::uint8_t byte : bytes) {
        text += std::to_string(byte);
        text += '.';
    }
    text.pop_back();
    return text;
}

}  // namespace

SocketAddress::SocketAddress() noexcept {
    std::memset(&storage_, 0, sizeof storage_);
}

std::optional<SocketAddress> SocketAddress::parse(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    const auto ip = text.substr(0, colon);
    const bool bracketed = ip.size() >= 2 && ip.front() == '[' && ip.back() == ']';
    // "::1:5432" would be read as an address or as an address with a port: brackets decide.
    if (!bracketed && ip.find(':') != std::string_view::npos)
        return std::nullopt;
    const auto port = parse_port(text.substr(colon + 1));
    return port ? from_ip(ip, *port) : std::nullopt;
}

std::optional<SocketAddress> SocketAddress::from_ip(std::string_view ip, std::uint16_t port) {
    const bool bracketed = ip.size() >= 2 && ip.front() == '[' && ip.back() == ']';
    const std::string text(bracketed ? ip.substr(1, ip.size() - 2) : ip);
    if (text.find('\0') != std::string::npos)
        return std::nullopt;  // inet_pton would stop there
    SocketAddress result;
    if (!bracketed && ::inet_pton(AF_INET, text.c_str(), &result.storage_.v4.sin_addr) == 1) {
        result.storage_.v4.sin_family = AF_INET;
        result.storage_.v4.sin_port = htons(port);
        return result;
    }
    if (::inet_pton(AF_INET6, text.c_str(), &result.storage_.v6.sin6_addr) == 1) {
        result.storage_.v6.sin6_family = AF_INET6;
        result.storage_.v6.sin6_port = htons(port);
        result.unmap();
        return result;
    }
    return std::nullopt;
}

SocketAddress SocketAddress::from_sockaddr(const sockaddr* address, socklen_t size) {
    SocketAddress result;
    const bool known = (address->sa_family == AF_INET && size >= sizeof(sockaddr_in)) ||
                       (address->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6));
    if (known)
        std::memcpy(&result.storage_, address,
                    address->sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    result.unmap();
    return result;
}

SocketAddress SocketAddress::local_of(int fd) {
    SocketAddress result;
    socklen_t size = sizeof result.storage_;
    if (::getsockname(fd, &result.storage_.any, &size) != 0)
        return {};
    return from_sockaddr(&result.storage_.any, size);
}

void SocketAddress::unmap() noexcept {
    if (family() != AF_INET6 || IN6_IS_ADDR_V4MAPPED(&storage_.v6.sin6_addr) == 0)
        return;
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = storage_.v6.sin6_port;
    // The IPv4 address is the last four of the sixteen bytes.
    std::memcpy(&v4.sin_addr, &storage_.v6.sin6_addr.s6_addr[12], sizeof v4.sin_addr);
    std::memset(&storage_, 0, sizeof storage_);
    storage_.v4 = v4;
}

socklen_t SocketAddress::size() const noexcept {
    return family() == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

std::uint16_t SocketAddress::port() const noexcept {
    return ntohs(family() == AF_INET6 ? storage_.v6.sin6_port : storage_.v4.sin_port);
}

std::string SocketAddress::ip() const {
    if (family() == AF_INET)
        return v4_text(storage_.v4.sin_addr);
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (family() == AF_UNSPEC ||
        !::inet_ntop(family(), &storage_.v6.sin6_addr, text.data(), text.size()))
        return "-";
    return text.data();
}

std::string SocketAddress::to_string() const {
    if (family() == AF_UNSPEC)
        return "-";
    std::string text = family() == AF_INET6 ? "[" : "";
    text += ip();
    text += family() == AF_INET6 ? "]:" : ":";
    text += std::to_string(port());
    return text;
}

bool operator==(const SocketAddress& a, const SocketAddress& b) noexcept {
    return a.family() == b.family() && a.port() == b.port() &&
           (a.family() == AF_INET6
                ? std::memcmp(&a.storage_.v6.sin6_addr, &b.storage_.v6.sin6_addr,
                              sizeof a.storage_.v6.sin6_addr) == 0 &&
                      a.storage_.v6.sin6_scope_id == b.storage_.v6.sin6_scope_id
                : a.storage_.v4.sin_addr.s_addr == b.storage_.v4.sin_addr.s_addr);
}

}  // namespace net
