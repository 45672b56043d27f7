#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "daemon/log/log_throttle.h"
#include "patroni_proxy/host/rate_tally.h"
#include "patroni_proxy/host/session_end.h"

namespace proxy {

/// What one worker counted of one port on one member.
struct MemberTally {
    std::uint64_t sessions = 0;  ///< open now, connecting ones included
    std::uint64_t sessions_total = 0;
    std::uint64_t bytes_from_client = 0;
    std::uint64_t bytes_from_backend = 0;
    std::uint64_t connect_failures = 0;
    SessionEndCounts ended{};
    RateTally rate;  ///< of sessions that start
    daemons::LogThrottle connect_failure_lines;
};

/// What one worker counted of one port.
struct PortTally {
    std::map<std::string, MemberTally> members;
    SessionEndCounts refused{};
    std::uint64_t queued_total = 0;
};

/// Adds up what several workers counted.
void add(PortTally& sum, const PortTally& tally);

}  // namespace proxy
