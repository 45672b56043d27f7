#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/histogram.h"
#include "daemon/log/log_throttle.h"
#include "patroni_proxy/host/rate_tally.h"
#include "patroni_proxy/host/session_end.h"

namespace proxy {

struct ConnectScale {
    static constexpr std::array bounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                       0.05,   0.1,     0.25,   0.5,   1.0,    2.5,   5.0};
};
struct HeldScale {
    static constexpr std::array bounds{0.01, 0.025, 0.05, 0.1,  0.25, 0.5,
                                       1.0,  2.5,   5.0,  10.0, 30.0, 60.0};
};
struct SessionScale {
    static constexpr std::array bounds{0.01,  0.1,    1.0,     10.0,    60.0,
                                       600.0, 3600.0, 14400.0, 86400.0, 604800.0};
};

/// What one worker counted of one port on one member.
struct MemberTally {
    std::uint64_t sessions = 0;  ///< open now, connecting ones included
    std::uint64_t sessions_total = 0;
    std::uint64_t bytes_from_client = 0;
    std::uint64_t bytes_from_backend = 0;
    std::uint64_t connect_failures = 0;
    SessionEndCounts ended{};
    RateTally rate;  ///< of sessions that start
    /// The first session on it since it last became eligible; empty: none yet.
    std::optional<std::chrono::steady_clock::time_point> first_served_at{};
    base::Histogram<ConnectScale> connect_time;  ///< until the member accepted the connection
    daemons::LogThrottle connect_failure_lines;
};

/// What one worker counted of one port.
struct PortTally {
    std::map<std::string, MemberTally> members;
    SessionEndCounts refused{};
    std::uint64_t queued_total = 0;
    base::Histogram<HeldScale> held_time;        ///< of clients that have left the queue
    base::Histogram<SessionScale> session_time;  ///< of sessions on a member that have ended
    /// When the client that has been held longest was accepted.
    std::optional<std::chrono::steady_clock::time_point> oldest_held;
    std::uint64_t gave_up = 0;  ///< clients that left while they were held
    double longest_held = 0;    ///< seconds; of holds that ended since take_counts()
};

/// Adds up what several workers counted.
void add(PortTally& sum, const PortTally& tally);

}  // namespace proxy
