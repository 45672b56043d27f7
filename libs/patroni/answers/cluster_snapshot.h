#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "patroni/answers/member.h"

namespace patroni {

/// One whole answer of GET /cluster. Immutable once published; replaced whole, never changed.
struct ClusterSnapshot {
    std::vector<Member> members;  ///< in Patroni's order
    bool paused = false;          ///< maintenance mode: Patroni does not fail over by itself
    std::string scope;            ///< the cluster's own name; Patroni 3.0.2 does not say it
    /// When Patroni is to hand the leadership over, if that is planned.
    std::optional<std::chrono::system_clock::time_point> switchover_at{};

    /// Entries of which it cannot be told whose they are: no objects, or without a name.
    std::size_t nameless = 0;
    /// What could not be read in it and is as it was before.
    std::vector<std::string> warnings{};

    friend bool operator==(const ClusterSnapshot&, const ClusterSnapshot&) = default;
};

using SnapshotPtr = std::shared_ptr<const ClusterSnapshot>;
/// A member of a snapshot, which it keeps alive.
using MemberPtr = std::shared_ptr<const Member>;

}  // namespace patroni
