#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "patroni/cluster_snapshot.h"

namespace patroni {

/// What a port or a listener may ask for, by the words of its `roles`.
enum class RequestedRole : std::uint8_t {
    leader,  ///< the primary
    sync,    ///< a synchronous standby
    async,   ///< a replica that no commit waits for
    any,     ///< any member that serves
};

/// Case-insensitive; nothing if the word is none of requested_role_names().
[[nodiscard]] std::optional<RequestedRole> requested_role_from(std::string_view word);
/// "leader, sync, async, any": what is allowed, for messages.
[[nodiscard]] std::string requested_role_names();

/// Which members of a cluster will do.
struct Requirements {
    std::set<RequestedRole> roles;
    /// Bytes; a replica with more, or with a lag that is not known, is out.
    std::optional<std::uint64_t> max_lag;
};

/// Whether a member will do, and why (not): for logs, status, agent comments and tests alike.
struct Verdict {
    bool eligible = false;
    std::string reason;
};

/// Pure. `member` is one of `snapshot`.
[[nodiscard]] Verdict judge(const ClusterSnapshot& snapshot, const Member& member,
                            const Requirements& wanted);

}  // namespace patroni
