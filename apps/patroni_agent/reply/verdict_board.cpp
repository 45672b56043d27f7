#include "patroni_agent/reply/verdict_board.h"

#include <utility>

namespace agent {
namespace {

void update(auto& judged, const patroni::ClusterView& view) {
    judged.verdicts.clear();
    for (auto& verdict : judged.judge.judge(view)) {
        const std::string name = verdict.member->name;
        judged.verdicts.insert_or_assign(name, std::move(verdict));
    }
}

}  // namespace

VerdictBoard::VerdictBoard(const patroni::Requirements& wanted, bool by_request)
    : own_{patroni::Judge(wanted), {}} {
    if (!by_request)
        return;
    for (const auto role : patroni::kAllRequestedRoles) {
        auto in_role = wanted;
        in_role.roles = {role};
        by_role_.emplace(role, Judged{patroni::Judge(std::move(in_role)), {}});
    }
}

void VerdictBoard::judge(const patroni::ClusterView& view) {
    if (!view.snapshot)
        return;
    answered_ = true;
    answered_at_ = view.answered_at;
    leader_ = view.leader.member;
    leader_api_is_silent_ = view.leader.api_is_silent;
    leader_confirmed_at_ = view.leader.confirmed_at;
    update(own_, view);
    for (auto& [role, judged] : by_role_)
        update(judged, view);
}

Knowledge VerdictBoard::knowledge_of(const std::string& member,
                                     std::optional<patroni::RequestedRole> role,
                                     patroni::Clock::time_point now) const {
    Knowledge knowledge;
    if (!answered_) {
        knowledge.why_no_verdict = "Patroni has not answered yet";
        return knowledge;
    }
    const Judged& judged = role ? by_role_.at(*role) : own_;
    const auto verdict = judged.verdicts.find(member);
    if (verdict == judged.verdicts.end()) {
        knowledge.why_no_verdict = member + ": not in Patroni's answer";
        return knowledge;
    }
    knowledge.verdict = &verdict->second;
    knowledge.api_is_silent = member == leader_ && leader_api_is_silent_;
    knowledge.age = std::chrono::duration_cast<std::chrono::milliseconds>(
        now - (member == leader_ ? leader_confirmed_at_ : answered_at_));
    return knowledge;
}

}  // namespace agent
