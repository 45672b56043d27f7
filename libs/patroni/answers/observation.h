#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "patroni/answers/cluster_snapshot.h"

namespace patroni {

using Clock = std::chrono::steady_clock;

/// An answer of GET /cluster: what the cluster's key-value store says, through some member.
struct ClusterAnswer {
    SnapshotPtr snapshot;
    std::string through = {};  ///< the member whose API gave it; empty: not known
    /// When it came, if it had to wait until it was clear whose it is. Empty: now.
    std::optional<Clock::time_point> came_at = {};
};

/// An answer of a member's GET /primary. The status says whether it holds the leader lock, the body
/// what its PostgreSQL is. They may differ: 200 comes before promotion has finished, and a primary
/// without the lock (demoting, or paused) still calls itself primary.
struct PrimaryAnswer {
    std::string member;
    int status = 0;
    std::string role;   ///< primary (Patroni 4), master (before), replica, ...
    std::string state;  ///< running, ...
    std::optional<std::uint64_t> timeline;
    bool paused = false;
    std::optional<std::int64_t> dcs_last_seen = {};  ///< Unix time, by the member's clock
    /// What it says may be as old as this. Empty: as old as the observation.
    std::optional<Clock::time_point> asked_at = {};
};

/// A member's GET /primary gave no usable answer.
struct PrimarySilence {
    std::string member;
    std::string reason;       ///< "connection refused"
    bool is_another = false;  ///< somebody else answers there; `reason` says who
    bool connected = false;   ///< its API accepted the connection
};

/// A member's position in the WAL, from its GET /patroni, which reads it for every request.
struct PositionAnswer {
    std::string member;
    /// Bytes: written on a primary, replayed on a replica. Empty if it did not say.
    std::optional<std::uint64_t> position;
};

/// What the data path met at a member. A healthy server may end sessions for reasons of its own,
/// but hardly ever refuses one.
enum class Trouble : std::uint8_t { ended, refused };

/// The data path has trouble with a member. Which one does not matter: it proves nothing.
struct TrafficTrouble {};

/// Somebody says that something has changed: POST /update_clusters, called by Patroni.
struct Push {};

/// One thing learned, and when. A missing answer is no observation, with two exceptions: a leader's
/// silence decides whether /cluster alone may be believed, and an old position must not pass for a
/// fresh one.
struct Observation {
    Clock::time_point at;
    std::variant<ClusterAnswer, PrimaryAnswer, PrimarySilence, PositionAnswer, TrafficTrouble, Push>
        claim;
};

}  // namespace patroni
