#pragma once

#include "patroni/answers/cluster_snapshot.h"

namespace patroni {

/// Pure: an answer of GET /cluster in which what cannot be read is as it was `before`, and
/// `warnings` that say so. Null: nothing was known.
///
/// - Of a member whose role or state is missing or a word that nobody knows, all stays.
/// - A host, a port and an api_url that are missing or no such thing stay.
/// - While it cannot be told whose an entry is, nobody is gone.
[[nodiscard]] SnapshotPtr with_last_good(const SnapshotPtr& answer, const ClusterSnapshot* before);

}  // namespace patroni
