#pragma once

#include <string_view>

#include "patroni/answers/cluster_snapshot.h"
#include "patroni/result.h"

namespace patroni {

/// Reads the body of GET /cluster of Patroni 2 to 4. Pure; any thread.
/// Fails if it is no such answer: not JSON, no `members`, or members of which none has a name, a
/// known role and a known state. A field that is missing, has the wrong type or holds a number
/// beyond 64 bits is left empty, and so is a text of more than 255 bytes (an api_url: 2,048); of
/// tags at most 100 with 4 KiB are kept. The rest of the answer still counts.
[[nodiscard]] Result<ClusterSnapshot> parse_cluster(std::string_view body);

}  // namespace patroni
