#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "patroni_proxy/backend/backend_table.h"

namespace proxy {

/// max_connect_rate allows a burst of the connections that are due within this time; held sessions
/// try again as often. It is short because a server that was just promoted is slow to fork: with
/// ten connections at once, the first had to wait for the others.
inline constexpr std::chrono::milliseconds kRateWindow{20};

/// Which backends a session may not use.
struct ClaimRules {
    std::uint32_t max_connections = 0;  ///< on each member; 0: no limit
    std::uint32_t max_rate = 0;         ///< new ones per second on each backend; 0: no limit
    bool confirmed_only = false;        ///< only backends that have said that they accept sessions
};

/// What claim_backend() found.
struct Claim {
    BackendPtr backend{};           ///< has one more connection; null if no backend may be used
    bool any_full = false;          ///< some backend has reached max_connections
    bool any_capped = false;        ///< some backend has reached its member's cap
    bool any_rate_limited = false;  ///< some backend has reached max_rate
    bool any_unconfirmed = false;   ///< some backend has yet to say that it accepts sessions
};

/// Counts one more connection on the backend that has the fewest, among those not in `tried`. If a
/// member fails at its preferred address, a spare address that does not fail is used. Failing
/// backends come last but are not left out. Any thread: when two workers claim at once, the second
/// sees the first one's connection, so they neither pick the same backend nor exceed a limit.
/// `turn` decides between equals, so that they take turns: hundreds of proxies with few sessions
/// each must not all prefer the first backend.
[[nodiscard]] Claim claim_backend(const BackendTable& table,
                                  const std::vector<const Backend*>& tried, std::size_t turn,
                                  const ClaimRules& rules = {});

/// The backends not in `tried` that a session may use as soon as they say that they accept
/// sessions.
[[nodiscard]] std::vector<BackendPtr> unconfirmed_candidates(
    const BackendTable& table, const std::vector<const Backend*>& tried);

}  // namespace proxy
