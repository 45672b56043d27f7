#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "patroni_proxy/backend/backend_table.h"

namespace proxy {

/// Connections that come at once count as come at the allowed rate if that is no longer ago than
/// this: as often do those who are held try again. Short, since each fork of a server that has just
/// been promoted is dear: ten at once made the first of them wait for the others.
inline constexpr std::chrono::milliseconds kRateWindow{20};

/// Which backends a session may not have.
struct ClaimRules {
    std::uint32_t max_connections = 0;  ///< on each member; 0: no limit
    std::uint32_t max_rate = 0;         ///< new ones a second on each; 0: no limit
    bool no_doubtful = false;           ///< none that has not said that it accepts sessions
};

/// What claim_backend() found.
struct Claim {
    BackendPtr backend{};       ///< one connection more is counted on it; null if none is left
    bool met_full = false;      ///< there is one that has as many connections as may be
    bool met_hurried = false;   ///< there is one that has had its share of new connections
    bool met_doubtful = false;  ///< there is one that was passed over
};

/// Of those that are not among `tried`: counts one connection more on the backend with the fewest.
/// A member that fails at its preferred address is taken at a spare one that does not fail; what
/// fails comes last, but it comes. Any thread: of two workers that claim at once the second sees
/// the first one's connection, so they neither meet on one backend nor exceed a limit.
/// `turn` decides between equals, so that they are used in turn: hundreds of proxies with few
/// sessions each must not all prefer the first.
[[nodiscard]] Claim claim_backend(const BackendTable& table,
                                  const std::vector<const Backend*>& tried, std::size_t turn,
                                  const ClaimRules& rules = {});

/// Those that a session which has had `tried` may come to once they say that they accept sessions.
[[nodiscard]] std::vector<BackendPtr> doubtful_candidates(const BackendTable& table,
                                                          const std::vector<const Backend*>& tried);

}  // namespace proxy
