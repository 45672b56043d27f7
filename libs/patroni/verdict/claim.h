#pragma once

#include <map>
#include <optional>
#include <string>

#include "patroni/answers/cluster_snapshot.h"
#include "patroni/answers/identity.h"
#include "patroni/rest/endpoint.h"
#include "patroni/verdict/known_identity.h"

namespace patroni {

/// An answer of GET /cluster that waits until it is clear which cluster gave it. Two clusters may
/// share scope and member names: only the system identifier tells them apart, and only a member's
/// self-report has that.
struct Claim {
    Endpoint host;  ///< who gave it
    SnapshotPtr snapshot;
    Clock::time_point came_at;
    Clock::duration took{0};  ///< until it came
    Clock::time_point until;  ///< when it stops waiting for self-reports
    /// The API of the member it names as leader, if that has changed.
    std::optional<Endpoint> leader_api;
    /// That member was not known at this address before, so it has to report for itself.
    bool is_new_place = false;
    /// Its API was known before.
    bool is_known_api = false;
};

/// Who answered in this poll, by the API's URL; empty: it did not answer.
using Speakers = std::map<std::string, std::optional<Speaker>>;

/// Whether the leader, the members or their addresses have changed. `before` may be null.
[[nodiscard]] bool brings_news(const ClusterSnapshot* before, const ClusterSnapshot& after);

/// Which cluster an answer comes from.
struct Attribution {
    enum class Kind : std::uint8_t {
        pending,  ///< it waits for self-reports
        ours,
        foreign,  ///< another cluster's
        unknown,  ///< nobody said: a second answer has to agree
    };
    Kind kind = Kind::pending;
    std::string reason;  ///< if foreign: both identities
};
/// Pure. `is_first`: nothing is known of the cluster yet; `is_over`: no more self-reports are
/// awaited.
[[nodiscard]] Attribution attribute(const Claim& claim, const Speakers& speakers,
                                    const ClusterIdentity& known, bool is_first, bool is_over);

/// "answers for cluster other, system identifier 222, not for cluster main, ...".
[[nodiscard]] std::string objection_to(const ClusterIdentity& told, const ClusterIdentity& known);

}  // namespace patroni
