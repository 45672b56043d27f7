#pragma once

#include <cstdint>
#include <optional>

#include "net/socket/socket_address.h"
#include "patroni_proxy/port/port.h"
#include "patroni_proxy/session/session_end.h"

namespace proxy {

/// What is known of a client that has just come, before a backend is chosen for it.
struct Newcomer {
    const net::SocketAddress& address;  ///< unset if it came over a unix socket
    std::uint64_t sessions_of_port;     ///< without its own
    std::uint64_t sessions_of_proxy;
    std::uint64_t max_sessions_of_proxy;  ///< 0: no limit
};

/// Why it is refused; nothing if it may come in. Pure.
[[nodiscard]] std::optional<SessionEnd> refusal_of(const Newcomer& client,
                                                   const PortSettings& settings);

}  // namespace proxy
