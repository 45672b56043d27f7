#include "patroni/eligibility.h"

#include <algorithm>
#include <array>
#include <strings.h>
#include <utility>

namespace patroni {
namespace {

constexpr std::array<std::pair<std::string_view, RequestedRole>, 4> kRequestedRoles{{
    {"leader", RequestedRole::leader},
    {"sync", RequestedRole::sync},
    {"async", RequestedRole::async},
    {"any", RequestedRole::any},
}};

bool fits(Role role, RequestedRole requested) {
    switch (requested) {
        case RequestedRole::leader:
            return role == Role::leader;
        case RequestedRole::sync:
            return role == Role::sync_standby;
        case RequestedRole::async:
            // A quorum promises nothing of the single member.
            return role == Role::replica || role == Role::quorum_standby;
        case RequestedRole::any:
            return role != Role::unknown;
    }
    return false;
}

bool leads(const Member& member) {
    return member.role == Role::leader || member.role == Role::standby_leader;
}

Verdict out(std::string reason) {
    return {false, std::move(reason)};
}

}  // namespace

std::optional<RequestedRole> requested_role_from(std::string_view word) {
    for (const auto& [name, role] : kRequestedRoles)
        if (name.size() == word.size() && ::strncasecmp(name.data(), word.data(), word.size()) == 0)
            return role;
    return std::nullopt;
}

std::string requested_role_names() {
    std::string names;
    for (const auto& [name, role] : kRequestedRoles)
        names += (names.empty() ? "" : ", ") + std::string(name);
    return names;
}

Verdict judge(const ClusterSnapshot& snapshot, const Member& member, const Requirements& wanted) {
    if (member.host.empty())
        return out("no address in Patroni's answer");
    if (member.role == Role::unknown)
        return out(member.role_name.empty() ? "no role in Patroni's answer"
                                            : "role is " + member.role_name);
    if (!serves(member.state))
        return out(member.state_name.empty() ? "no state in Patroni's answer"
                                             : "state is " + member.state_name);
    if (std::none_of(wanted.roles.begin(), wanted.roles.end(),
                     [&](RequestedRole role) { return fits(member.role, role); }))
        return out("role is " + member.role_name);
    if (leads(member)) {
        // Patroni elects one. An answer that shows two is no proof for either.
        const auto leaders = std::count_if(snapshot.members.begin(), snapshot.members.end(), leads);
        return leaders == 1 ? Verdict{true, member.role_name}
                            : out(std::to_string(leaders) + " leaders in Patroni's answer");
    }
    if (member.tagged("noloadbalance"))
        return out("tagged noloadbalance");
    if (wanted.max_lag && !member.lag)
        return out("lag is unknown");
    if (wanted.max_lag && *member.lag > *wanted.max_lag)
        return out("lag of " + std::to_string(*member.lag) + " bytes is over " +
                   std::to_string(*wanted.max_lag));
    return {true, member.role_name};
}

}  // namespace patroni
