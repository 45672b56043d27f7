#include "patroni/verdict/eligibility.h"

#include <algorithm>
#include <array>
#include <strings.h>
#include <utility>

namespace patroni {
namespace {

// In the order of RequestedRole.
constexpr std::array<std::pair<std::string_view, RequestedRole>, 7> kRequestedRoles{{
    {"leader", RequestedRole::leader},
    {"sync", RequestedRole::sync},
    {"quorum", RequestedRole::quorum},
    {"async", RequestedRole::async},
    {"replica", RequestedRole::replica},
    {"standby_leader", RequestedRole::standby_leader},
    {"any", RequestedRole::any},
}};

bool is_replica(Role role) {
    return role == Role::sync_standby || role == Role::quorum_standby || role == Role::replica;
}

/// Whether a member that is not the leader may serve as `requested`.
bool fits(Role role, RequestedRole requested) {
    switch (requested) {
        case RequestedRole::leader:
            return false;
        case RequestedRole::sync:
            return role == Role::sync_standby;
        case RequestedRole::quorum:
            return role == Role::quorum_standby;
        case RequestedRole::async:
            return role == Role::replica || role == Role::quorum_standby;
        case RequestedRole::replica:
            return is_replica(role);
        case RequestedRole::standby_leader:
            return role == Role::standby_leader;
        case RequestedRole::any:
            return is_replica(role) || role == Role::standby_leader;
    }
    return false;
}

bool takes_leader(const std::set<RequestedRole>& roles) {
    return roles.contains(RequestedRole::leader) || roles.contains(RequestedRole::any);
}

std::string tag_text(const std::string& tag, const std::string& value) {
    return tag + "=" + value;
}

Examination examine_tags(const Member& member, const Requirements& wanted) {
    if (member.tagged("noloadbalance"))
        return {Objection::noloadbalance, "tagged noloadbalance"};
    for (const auto& [tag, value] : wanted.tags) {
        const auto found = member.tags.find(tag);
        if (found == member.tags.end() ||
            (found->second != value.written && found->second != value.taken))
            return {Objection::unsuitable, "not tagged " + tag_text(tag, value.written)};
    }
    return {};
}

bool is_live(const Member& member, LagSource source) {
    return source == LagSource::live ||
           (source == LagSource::automatic && !member.tells_replay_lag);
}

Examination examine_lag(const ClusterView& view, const Member& member, const Requirements& wanted) {
    if (!wanted.max_lag)
        return {};
    std::optional<std::uint64_t> lag = member.lag;
    // None at all: the leader's own API is silent, or nobody leads. That says nothing of a replica.
    if (is_live(member, wanted.lag_source) && !view.live_lag.empty()) {
        const auto live = view.live_lag.find(member.name);
        lag = live == view.live_lag.end() ? std::nullopt : std::optional(live->second);
    }
    if (!lag)
        return {Objection::lagging, "lag is unknown"};
    if (*lag > *wanted.max_lag)
        return {Objection::lagging, "lag of " + std::to_string(*lag) + " bytes is over " +
                                        std::to_string(*wanted.max_lag)};
    return {};
}

/// A diverged replica shows running, lag 0, and 200 on /replica: only its timeline tells. It is a
/// newer one than the leader's if somebody has promoted it by hand.
Examination examine_timeline(const ClusterView& view, const Member& member) {
    const auto& oldest = view.leader.details.timeline;
    if (!oldest || !member.timeline)
        return {};
    // A replica may follow a new leader before the leader's entry in /cluster tells its timeline.
    const auto report = view.self_reports.find(view.leader.member);
    const auto newest =
        report == view.self_reports.end() ? *oldest : std::max(*oldest, report->second.timeline);
    const auto leaders = std::clamp(*member.timeline, *oldest, newest);
    if (*member.timeline == leaders)
        return {};
    return {Objection::diverged, "on timeline " + std::to_string(*member.timeline) +
                                     ", the leader is on " + std::to_string(leaders)};
}

Examination examine_replica(const ClusterView& view, const Member& member,
                            const Requirements& wanted) {
    if (wanted.streaming && member.state != State::streaming)
        return {Objection::unsuitable, "state is " + member.state_name + ", not streaming"};
    for (auto examination : {examine_tags(member, wanted), examine_timeline(view, member),
                             examine_lag(view, member, wanted)})
        if (examination.objection != Objection::none)
            return examination;
    return {Objection::none, member.role_name};
}

}  // namespace

std::optional<RequestedRole> requested_role_from(std::string_view word) {
    for (const auto& [name, role] : kRequestedRoles)
        if (name.size() == word.size() && ::strncasecmp(name.data(), word.data(), word.size()) == 0)
            return role;
    return std::nullopt;
}

std::string_view name_of(RequestedRole role) {
    return kRequestedRoles[static_cast<std::size_t>(role)].first;
}

std::string names_of(const std::set<RequestedRole>& roles, std::string_view separator) {
    std::string names;
    for (const auto role : roles)
        names.append(names.empty() ? "" : separator).append(name_of(role));
    return names;
}

std::string requested_role_names() {
    std::string names;
    for (const auto& [name, role] : kRequestedRoles)
        names.append(names.empty() ? "" : ", ").append(name);
    return names;
}

bool covers(const std::set<RequestedRole>& roles, RequestedRole role) {
    static constexpr std::array kStandbys{Role::sync_standby, Role::quorum_standby, Role::replica,
                                          Role::standby_leader};
    const auto taken = [&](Role standby) {
        return std::any_of(roles.begin(), roles.end(),
                           [=](RequestedRole each) { return fits(standby, each); });
    };
    return (!takes_leader({role}) || takes_leader(roles)) &&
           std::all_of(kStandbys.begin(), kStandbys.end(),
                       [&](Role standby) { return !fits(standby, role) || taken(standby); });
}

bool wants_positions(const Requirements& wanted, const ClusterSnapshot& snapshot) {
    if (wanted.lag_source == LagSource::live || !wanted.max_lag)
        return wanted.lag_source == LagSource::live;
    return std::any_of(snapshot.members.begin(), snapshot.members.end(), [&](const Member& each) {
        return is_replica(each.role) && serves(each.state) && is_live(each, wanted.lag_source);
    });
}

Examination examine(const ClusterView& view, const Member& member, const Requirements& wanted) {
    if (member.name.empty())
        return {Objection::unsuitable, "no name in Patroni's answer"};
    if (member.name == view.leader.member)
        return takes_leader(wanted.roles) ? Examination{Objection::none, view.leader.reason}
                                          : Examination{Objection::leads, "it is the leader"};
    if (member.role == Role::unknown)
        return {Objection::unsuitable, member.role_name.empty() ? "no role in Patroni's answer"
                                                                : "role is " + member.role_name};
    if (!serves(member.state))
        return {Objection::unsuitable, member.state_name.empty() ? "no state in Patroni's answer"
                                                                 : "state is " + member.state_name};
    if (member.role == Role::leader)
        return takes_leader(wanted.roles) ? Examination{Objection::unproven, view.leader.reason}
                                          : Examination{Objection::unsuitable, "role is leader"};
    if (std::none_of(wanted.roles.begin(), wanted.roles.end(),
                     [&](RequestedRole role) { return fits(member.role, role); }))
        return {Objection::unsuitable, "role is " + member.role_name};
    if (is_replica(member.role))
        return examine_replica(view, member, wanted);
    return {Objection::none, member.role_name};
}

}  // namespace patroni
