#pragma once

#include <cstdint>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace net {

/// An IPv4 or IPv6 address with its port. A value of 28 bytes, so that a session can hold one.
/// Numeric only: it resolves no names. An IPv4 address that comes in as IPv6 (::ffff:10.1.2.3, as a
/// dual-stack socket shows its IPv4 peers) becomes plain IPv4, so that a host has one name in logs,
/// comparisons and networks.
class SocketAddress {
  public:
    SocketAddress() noexcept;

    /// "127.0.0.1:5432" or "[::1]:5432", numeric only. Nothing for anything else.
    static std::optional<SocketAddress> parse(std::string_view text);
    /// "127.0.0.1" or "::1" (brackets accepted) with a port given apart.
    static std::optional<SocketAddress> from_ip(std::string_view ip, std::uint16_t port);
    /// AF_INET and AF_INET6 only; anything else gives an unset address.
    static SocketAddress from_sockaddr(const sockaddr* address, socklen_t size);
    /// The address a socket is bound to; unset if the kernel does not say.
    static SocketAddress local_of(int fd);

    [[nodiscard]] const sockaddr* data() const noexcept { return &storage_.any; }
    [[nodiscard]] socklen_t size() const noexcept;
    [[nodiscard]] int family() const noexcept { return storage_.any.sa_family; }
    [[nodiscard]] std::uint16_t port() const noexcept;
    [[nodiscard]] std::string ip() const;
    /// "127.0.0.1:5432" or "[::1]:5432"; "-" when unset.
    [[nodiscard]] std::string to_string() const;

    friend bool operator==(const SocketAddress& a, const SocketAddress& b) noexcept;

  private:
    void unmap() noexcept;

    union {
        sockaddr any;
        sockaddr_in v4;
        sockaddr_in6 v6;
    } storage_;
};

}  // namespace net
