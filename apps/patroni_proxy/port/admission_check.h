#pragma once

#include <cstdint>
#include <optional>

#include "net/socket/socket_address.h"
#include "patroni_proxy/host/port_settings.h"
#include "patroni_proxy/host/session_end.h"

namespace proxy {

/// A client that was just accepted, before a backend is chosen for it.
struct NewClient {
    /// Unset if it came over a unix socket, or if a header is to come that says it.
    const net::SocketAddress& address;
    bool may_wait;                ///< the port holds clients that find no place
    std::uint64_t without_place;  ///< clients of the port that are held or being refused
    std::uint64_t open;           ///< connections of the proxy, without its own
    std::uint64_t max_open;       ///< 0: no limit
};

/// So many clients of a port with `max_connections` are told at a time that it is full. More are
/// closed without a word, so that a flood on one port leaves the others their descriptors.
inline constexpr std::uint64_t kMaxTold = 100;

/// Why the client is refused before it has said anything; nothing if it is admitted. Whether there
/// is a place for it is found out later. Pure.
[[nodiscard]] std::optional<SessionEnd> refusal_of(const NewClient& client,
                                                   const PortSettings& settings);

}  // namespace proxy
