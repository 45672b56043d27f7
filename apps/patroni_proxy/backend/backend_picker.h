#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "patroni_proxy/backend/backend_table.h"

namespace proxy {

/// Connections that come together pass for connections at the allowed rate if they would have been
/// due within this time, which is also how often held sessions try again. It is short, since a
/// server that was just promoted is slow to fork: with ten at once, the first had to wait for the
/// others.
inline constexpr std::chrono::milliseconds kRateWindow{20};

/// Which backends a session may not have.
struct ClaimRules {
    std::uint32_t max_connections = 0;  ///< on each member; 0: no limit
    std::uint32_t max_rate = 0;         ///< new ones per second on each backend; 0: no limit
    bool confirmed_only = false;        ///< none that has not said that it accepts sessions
};

/// What claim_backend() found.
struct Claim {
    BackendPtr backend{};           ///< has one connection more; null if none may be had
    bool any_full = false;          ///< some backend has reached max_connections
    bool any_capped = false;        ///< some backend has reached its member's cap
    bool any_rate_limited = false;  ///< some backend has reached max_rate
    bool any_unconfirmed = false;   ///< some backend has yet to say that it accepts sessions
};

/// Counts one connection more on the backend with the fewest, of those that are not in `tried`.
/// If a member fails at its preferred address, a spare address that does not fail is taken. Failing
/// backends come last, but they are not left out. Any thread: of two workers that claim at once the
/// second sees the first one's connection, so they neither pick the same backend nor exceed a
/// limit.
/// `turn` decides between equals, so that they are used in turn: hundreds of proxies with few
/// sessions each must not all prefer the first backend.
[[nodiscard]] Claim claim_backend(const BackendTable& table,
                                  const std::vector<const Backend*>& tried, std::size_t turn,
                                  const ClaimRules& rules = {});

/// The backends that a session which has tried `tried` may have once they say that they accept
/// sessions.
[[nodiscard]] std::vector<BackendPtr> unconfirmed_candidates(
    const BackendTable& table, const std::vector<const Backend*>& tried);

}  // namespace proxy
