#include "patroni_proxy/topology/operator_limits.h"

#include <algorithm>

namespace proxy {

using patroni::Standing;

void apply_drains(std::vector<patroni::Verdict>& verdicts, const OperatorLimits& limits,
                  const std::string& port) {
    for (auto& verdict : verdicts) {
        if (verdict.standing != Standing::eligible)
            continue;
        for (const auto& of_port : {std::string(), port}) {
            const auto drain = limits.drained.find({verdict.member->name, of_port});
            if (drain == limits.drained.end())
                continue;
            verdict.standing = Standing::tolerated;
            verdict.reason = drain->second;
        }
    }
}

std::string why_not_frozen(const patroni::ClusterView& view) {
    if (!view.snapshot)
        return "Patroni has not answered yet";
    const auto& members = view.snapshot->members;
    const bool is_standby_cluster =
        std::any_of(members.begin(), members.end(),
                    [](const auto& each) { return each.role == patroni::Role::standby_leader; });
    if (view.leader.standing == Standing::eligible || is_standby_cluster)
        return {};
    return "no member leads, and none could until it is unfrozen: " + view.leader.reason;
}

bool FrozenView::on_view(const patroni::ClusterView& latest) {
    if (leader_.member.empty())
        return false;
    const auto denial = latest.denials.find(leader_.member);
    const bool is_denied = denial != latest.denials.end();
    const bool is_leader = latest.leader.member == leader_.member;
    const bool another_leads =
        !is_leader && latest.leader.standing == Standing::eligible && !latest.leader.api_is_silent;
    patroni::Leadership now = view_.leader;
    if (is_leader && latest.leader.standing == Standing::eligible) {
        now = leader_.standing == Standing::eligible ? leader_ : latest.leader;
    } else if (now.standing != Standing::out && (is_denied || another_leads)) {
        now.standing = is_denied && !is_leader ? Standing::out : Standing::tolerated;
        now.reason =
            "the cluster is frozen, but " +
            (is_denied ? denial->second : latest.leader.member + " reports that it is primary");
    }
    if (now == view_.leader)
        return false;
    view_.leader = now;
    return true;
}

}  // namespace proxy
