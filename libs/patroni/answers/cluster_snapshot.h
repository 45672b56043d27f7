#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "patroni/answers/member.h"

namespace patroni {

/// Each member may be asked on a thread of its own: one answer must not start thousands of them.
inline constexpr std::size_t kMostMembers = 256;

/// One whole answer of GET /cluster. Immutable once published; replaced whole, never changed.
struct ClusterSnapshot {
    std::vector<Member> members;  ///< in Patroni's order
    bool paused = false;          ///< maintenance mode: Patroni does not fail over by itself
    std::string scope;            ///< the cluster's own name; empty with Patroni 3.0.2
    /// When a switchover is planned, if one is.
    std::optional<std::chrono::system_clock::time_point> switchover_at{};

    /// How many entries name no member: they are no JSON objects, or have no name.
    std::size_t nameless = 0;
    /// What could not be read, so that the last known value is kept.
    std::vector<std::string> warnings{};

    friend bool operator==(const ClusterSnapshot&, const ClusterSnapshot&) = default;
};

using SnapshotPtr = std::shared_ptr<const ClusterSnapshot>;
/// A member of a snapshot; keeps the snapshot alive.
using MemberPtr = std::shared_ptr<const Member>;

}  // namespace patroni
