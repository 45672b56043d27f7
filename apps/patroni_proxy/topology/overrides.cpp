#include "patroni_proxy/topology/overrides.h"

namespace proxy {

using patroni::Standing;

void apply_drains(std::vector<patroni::Verdict>& verdicts, const Overrides& overrides,
                  const std::string& port) {
    for (auto& verdict : verdicts) {
        if (verdict.standing != Standing::eligible)
            continue;
        for (const auto& of_port : {std::string(), port}) {
            const auto drain = overrides.drained.find({verdict.member->name, of_port});
            if (drain == overrides.drained.end())
                continue;
            verdict.standing = Standing::tolerated;
            verdict.reason = drain->second;
        }
    }
}

bool FrozenView::on_view(const patroni::ClusterView& latest) {
    if (leader_.standing != Standing::eligible)
        return false;
    const auto denial = latest.denials.find(leader_.member);
    const bool leads =
        latest.leader.member == leader_.member && latest.leader.standing == Standing::eligible;
    const bool another_leads = latest.leader.member != leader_.member &&
                               latest.leader.standing == Standing::eligible &&
                               !latest.leader.api_is_silent;
    patroni::Leadership now = view_.leader;
    if (denial != latest.denials.end() || another_leads) {
        now.standing = Standing::tolerated;
        now.reason =
            "the cluster is frozen, but " +
            (another_leads ? latest.leader.member + " reports that it is primary" : denial->second);
    } else if (leads) {
        now = leader_;
    }
    if (now == view_.leader)
        return false;
    view_.leader = now;
    return true;
}

}  // namespace proxy
