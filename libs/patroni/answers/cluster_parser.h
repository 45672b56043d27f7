#pragma once

#include <string_view>

#include "patroni/answers/cluster_snapshot.h"
#include "patroni/result.h"

namespace patroni {

/// Reads the body of GET /cluster of Patroni 2 to 4. Pure; any thread.
/// Fails on what is not such an answer as a whole: no JSON, no `members`, or none of them with a
/// name, and a role and a state that are known. A member that lacks a field, or holds one of the
/// wrong type or a number beyond 64 bits, loses that field alone: the others must not suffer.
[[nodiscard]] Result<ClusterSnapshot> parse_cluster(std::string_view body);

}  // namespace patroni
