#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/un.h>

#include "net/socket/socket_address.h"

namespace net {

/// Where a server listens: an IP address with a port, or the path of a unix socket. A value, for
/// any thread.
class ListenAddress {
  public:
    /// A unix socket is bound under a temporary name, longer by this, and then renamed.
    static constexpr std::size_t kTemporarySuffix = 9;
    /// The kernel's limit less the suffix and the final NUL: 98 bytes.
    static constexpr std::size_t kMaxPath = sizeof(sockaddr_un::sun_path) - 1 - kTemporarySuffix;

    /// Unset.
    ListenAddress() = default;
    explicit ListenAddress(const SocketAddress& address) : address_(address) {}
    /// "127.0.0.1:6432", "[::]:6432", "unix:/run/x/.s.PGSQL.6432" or "/run/x/.s.PGSQL.6432".
    /// Nothing for anything else, such as a path that is relative, too long or ends in a slash.
    static std::optional<ListenAddress> parse(std::string_view text);

    [[nodiscard]] bool is_unix() const noexcept { return !path_.empty(); }
    /// Unset for a unix socket.
    [[nodiscard]] const SocketAddress& socket_address() const noexcept { return address_; }
    /// Empty unless it is a unix socket.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    /// 0 for a unix socket.
    [[nodiscard]] std::uint16_t port() const noexcept { return address_.port(); }
    /// "127.0.0.1:6432" or "unix:/run/x/.s.PGSQL.6432"; "-" when unset.
    [[nodiscard]] std::string to_string() const;

    /// Whether the two cannot be bound at the same time. Port 0 means any free port and overlaps
    /// with nothing. "[::]" includes IPv4: see bind_listening_socket().
    [[nodiscard]] bool overlaps(const ListenAddress& other) const noexcept;

    friend bool operator==(const ListenAddress& a, const ListenAddress& b) noexcept = default;

  private:
    SocketAddress address_;
    std::string path_;
};

}  // namespace net
