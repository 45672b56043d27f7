#pragma once

#include <chrono>

namespace net {

/// When a TCP connection counts as broken although its peer sent no FIN and no reset: after a power
/// cut, or behind a firewall that forgot the connection.
struct TcpOptions {
    /// How long sent bytes may stay unacknowledged; 0: the kernel's own limit, about 15 minutes.
    /// Off by default: the kernel cannot tell a dead peer from one that does not read for that
    /// long, such as a COPY that waits for a lock or a client that pages through a result.
    std::chrono::milliseconds user_timeout{0};
    /// Silence after which keepalive probes start; 0: none.
    std::chrono::seconds keepalive_idle{15};
    /// Time between probes; after three without an answer, 30 s in all, the connection is broken.
    /// 0: the kernel's own interval.
    std::chrono::seconds keepalive_interval{5};

    friend bool operator==(const TcpOptions& a, const TcpOptions& b) noexcept = default;
};

/// Sets the options on a TCP socket, which may be in use. Connections inherit those of their
/// listening socket. Does nothing to a unix socket. Returns 0 or the errno of setsockopt: EINVAL
/// for values that the kernel does not accept, more than 32,767 s.
[[nodiscard]] int apply(int fd, const TcpOptions& options) noexcept;
/// The same for a new TCP socket: skips options that already have the kernel's default.
[[nodiscard]] int apply_to_new(int fd, const TcpOptions& options) noexcept;

}  // namespace net
