#pragma once

#include "patroni/answers/cluster_snapshot.h"

namespace patroni {

/// The answer of GET /cluster with everything unreadable replaced by what was known `before` (may
/// be null), and with `warnings` that say so. Pure.
///
/// - A member whose role or state is missing or unknown keeps its whole last entry.
/// - A host, a port or an api_url that is missing or invalid keeps its last value.
/// - While an entry has no name, no member counts as gone: the entry may be its own.
[[nodiscard]] SnapshotPtr with_last_good(const SnapshotPtr& answer, const ClusterSnapshot* before);

}  // namespace patroni
