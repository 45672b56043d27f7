#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "patroni_proxy/backend_table.h"

namespace proxy {

/// Which backends a session may not have.
struct ClaimRules {
    std::uint32_t max_connections = 0;  ///< on each; 0: no limit
    bool no_doubtful = false;
};

/// What claim_backend() found.
struct Claim {
    BackendPtr backend{};       ///< one connection more is counted on it; null if none is left
    bool met_full = false;      ///< there is one, but those left have as many connections as may be
    bool met_doubtful = false;  ///< there is one that was passed over
};

/// Counts one connection more on the eligible backend with the fewest that is not among `tried`.
/// Any thread: of two workers that claim at once the second sees the first one's connection, so
/// they neither meet on one backend nor exceed a limit.
/// `turn` decides between equals, so that they are used in turn: hundreds of proxies with few
/// sessions each must not all prefer the first.
[[nodiscard]] Claim claim_backend(const BackendTable& table,
                                  const std::vector<const Backend*>& tried, std::size_t turn,
                                  const ClaimRules& rules = {});

}  // namespace proxy
