#pragma once

#include <cstdint>
#include <optional>

#include "net/socket/socket_address.h"
#include "patroni_proxy/host/port_settings.h"
#include "patroni_proxy/host/session_end.h"

namespace proxy {

/// A client that was just accepted, before a backend is chosen for it.
struct NewClient {
    const net::SocketAddress& address;  ///< unset if it came over a unix socket
    std::uint64_t sessions_of_port;     ///< without its own
    std::uint64_t sessions_of_proxy;
    std::uint64_t max_sessions_of_proxy;  ///< 0: no limit
};

/// Why the client is refused; nothing if it is admitted. Pure.
[[nodiscard]] std::optional<SessionEnd> refusal_of(const NewClient& client,
                                                   const PortSettings& settings);

}  // namespace proxy
