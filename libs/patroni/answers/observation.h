#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "patroni/answers/cluster_snapshot.h"

namespace patroni {

using Clock = std::chrono::steady_clock;

/// GET /cluster was answered: what the cluster's key-value store says, through whichever member.
struct ClusterAnswer {
    SnapshotPtr snapshot;
    std::string through = {};  ///< the member whose API gave it; empty if that is not known
};

/// GET /primary of one member was answered. The status says who holds the leader's lock, the body
/// what the member's PostgreSQL is: 200 comes before promotion has finished, and a primary that
/// lost its lock, demoting or paused, still calls itself one.
struct PrimaryAnswer {
    std::string member;
    int status = 0;
    std::string role;   ///< primary (Patroni 4), master (before), replica, ...
    std::string state;  ///< running, ...
    std::optional<std::uint64_t> timeline;
    bool paused = false;
    std::optional<std::int64_t> dcs_last_seen = {};  ///< Unix time, by the member's own clock
};

/// GET /primary of one member gave nothing to go by.
struct PrimarySilence {
    std::string member;
    std::string reason;       ///< "Connection refused"
    bool is_another = false;  ///< somebody else answers there, which `reason` tells
};

/// GET /patroni of one member: its position in the WAL, fresh at every request.
struct PositionAnswer {
    std::string member;
    /// Bytes; written on a primary, replayed on a replica. Empty if it did not say.
    std::optional<std::uint64_t> position;
};

/// What the data path met at a member. Servers end sessions for reasons of their own too, but in
/// peace they hardly ever refuse one.
enum class Trouble : std::uint8_t { ended, refused };

/// The data path has trouble with a member.
struct TrafficTrouble {
    std::string member;
};

/// Somebody says that something has changed: POST /update_clusters, a callback of Patroni.
struct Push {};

/// One thing learned, and when. What nobody answered is not observed at all, but for two
/// silences: a leader's own decides whether /cluster alone may be believed, and a position that
/// is not renewed must not pass for a fresh one.
struct Observation {
    Clock::time_point at;
    std::variant<ClusterAnswer, PrimaryAnswer, PrimarySilence, PositionAnswer, TrafficTrouble, Push>
        claim;
};

}  // namespace patroni
