#pragma once

#include <chrono>

namespace net {

/// When a TCP connection whose other end is gone without a word, by a power cut or a firewall that
/// forgot it, counts as broken.
struct TcpOptions {
    /// The longest that sent bytes stay unacknowledged; 0: the kernel's own, some 15 minutes.
    /// Off unless asked for: to the kernel a peer that is alive but does not read for so long, a
    /// COPY that waits for a lock or a client that pages through a result, is the same.
    std::chrono::milliseconds user_timeout{0};
    /// The silence after which the peer is asked whether it is still there; 0: never.
    std::chrono::seconds keepalive_idle{15};
    /// Between questions, of which three go unanswered: gone is known after 30 s. 0: the kernel's
    /// own interval.
    std::chrono::seconds keepalive_interval{5};

    friend bool operator==(const TcpOptions& a, const TcpOptions& b) noexcept = default;
};

/// Sets them on a TCP socket, also on one that is in use. Connections inherit what their listening
/// socket has when they arrive. A unix socket has none of these and is left as it is.
/// 0, or the errno of setsockopt: EINVAL for what the kernel does not take, seconds over 32,767.
[[nodiscard]] int apply(int fd, const TcpOptions& options) noexcept;
/// The same for a TCP socket that was just made, without asking the kernel for what it has anyway.
[[nodiscard]] int apply_to_new(int fd, const TcpOptions& options) noexcept;

}  // namespace net
