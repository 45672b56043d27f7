#include "patroni/verdict/claim.h"

#include <algorithm>
#include <tuple>

#include "patroni/verdict/evidence.h"

namespace patroni {
namespace {

using Kind = Attribution::Kind;

auto place_of(const Member& member) {
    return std::tie(member.name, member.host, member.port, member.api_url);
}

}  // namespace

bool brings_news(const ClusterSnapshot* before, const ClusterSnapshot& after) {
    return !before || leader_named_by(*before) != leader_named_by(after) ||
           !std::is_permutation(
               before->members.begin(), before->members.end(), after.members.begin(),
               after.members.end(),
               [](const Member& a, const Member& b) { return place_of(a) == place_of(b); });
}

std::string objection_to(const ClusterIdentity& told, const ClusterIdentity& known) {
    return "answers for " + told.words() + ", not for " + known.words();
}

Attribution attribute(const Claim& claim, const Speakers& speakers, const ClusterIdentity& known,
                      bool is_first, bool is_over) {
    const auto end = speakers.end();
    const auto by_host = speakers.find(claim.host.url());
    const auto by_leader = claim.leader_api ? speakers.find(claim.leader_api->url()) : end;
    const auto contradicts = [&](const auto& speaker) {
        return speaker != end && speaker->second && speaker->second->cluster.contradicts(known);
    };
    const auto fits = [&](const auto& speaker) {
        return speaker != end && speaker->second && !known.system_identifier.empty() &&
               speaker->second->cluster.system_identifier == known.system_identifier;
    };
    const auto has_none_to_tell = [&](const auto& speaker) {
        return speaker != end && speaker->second && known.system_identifier.empty() &&
               speaker->second->cluster.system_identifier.empty();
    };
    if (contradicts(by_host))
        return {Kind::foreign, "it " + objection_to(by_host->second->cluster, known)};
    // Somebody else may have taken the address of a member's API: that is no fault of the host. But
    // if the member has moved as well, one such answer is not enough.
    if (contradicts(by_leader)) {
        if ((claim.is_new_place && !claim.is_known_api) || (by_host != end && !fits(by_host)))
            return {Kind::foreign,
                    "the leader that it names " + objection_to(by_leader->second->cluster, known)};
        if (claim.is_new_place && (by_host != end || is_over))
            return {by_host != end ? Kind::unknown : Kind::foreign,
                    "the leader that it names " + objection_to(by_leader->second->cluster, known)};
    }
    const bool has_leader = by_leader != end || !claim.leader_api;
    if (fits(by_leader) || (fits(by_host) && (!claim.is_new_place || has_leader || is_over)))
        return {Kind::ours, {}};
    if (!is_over && !(by_host != end && has_leader))
        return {Kind::pending, {}};
    // Before Patroni 3 no self-report has a system identifier.
    const bool is_ours = is_first || has_none_to_tell(by_host) || has_none_to_tell(by_leader);
    return {is_ours ? Kind::ours : Kind::unknown, {}};
}

}  // namespace patroni
