#pragma once

#include <map>
#include <optional>
#include <string>

#include "patroni/answers/cluster_snapshot.h"
#include "patroni/answers/identity.h"
#include "patroni/rest/endpoint.h"
#include "patroni/verdict/known_identity.h"

namespace patroni {

/// An answer of GET /cluster that waits until it is clear whose it is. Two clusters may have the
/// same scope and the same names of members: only a system identifier tells them apart, and that is
/// in a member's own word alone.
struct Claim {
    Endpoint host;  ///< that gave it
    SnapshotPtr snapshot;
    Clock::duration took{0};  ///< to come
    Clock::time_point until;  ///< for how long it waits for own words
    /// Where the member that it names as leader speaks for itself, if it is named anew.
    std::optional<Endpoint> leader_api;
    /// That member was not known at this place before: nobody else's word will do for it.
    bool is_new_place = false;
};

/// Own words of this poll, by URL; nothing: it does not answer.
using OwnWords = std::map<std::string, std::optional<Speaker>>;

/// Whether the leader, the members or their places are others than before. `before`: may be null.
[[nodiscard]] bool brings_news(const ClusterSnapshot* before, const ClusterSnapshot& after);

/// Whose answer it is.
struct Attribution {
    enum class Kind : std::uint8_t {
        pending,  ///< own words are awaited
        ours,
        foreign,
        unknown,  ///< nobody told: it takes a second answer
    };
    Kind kind = Kind::pending;
    std::string reason;  ///< where it is foreign: both identities
};
/// Pure. `is_first`: nothing is known of the cluster yet; `is_over`: no more words are awaited.
[[nodiscard]] Attribution attribute(const Claim& claim, const OwnWords& words,
                                    const ClusterIdentity& known, bool is_first, bool is_over);

/// "it answers for cluster other, system identifier 222, not for cluster main, ...".
[[nodiscard]] std::string objection_to(const ClusterIdentity& told, const ClusterIdentity& known);

}  // namespace patroni
