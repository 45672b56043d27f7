#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "net/socket_address.h"

namespace net {

/// The address of `host`: an IPv4 or IPv6 address, or a name that the system resolves. Prefers
/// IPv4 where a name has both. Blocks for as long as the system's resolver does: never on a loop.
[[nodiscard]] std::optional<SocketAddress> resolve(const std::string& host, std::uint16_t port);

}  // namespace net
