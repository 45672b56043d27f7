#include "patroni_proxy/report/serving.h"

namespace proxy {
namespace {

bool is_eligible(const MemberStanding& member) {
    return member.standing == patroni::Standing::eligible;
}

bool serves(const MemberStanding& member) {
    return is_eligible(member) && member.unreachable.empty();
}

}  // namespace

std::vector<std::string> who_serves(const PortReport& port) {
    std::vector<std::string> names;
    names.reserve(port.members.size());
    for (const auto& member : port.members)
        if (serves(member))
            names.push_back(member.member);
    return names;
}

std::string why_nobody_serves(const ClusterReport& cluster, const PortReport& port) {
    if (port.members.empty())
        return cluster.answer_age ? "Patroni names no member" : "Patroni has not answered yet";
    std::string reasons;
    for (const auto& member : port.members) {
        if (serves(member))
            continue;
        reasons.append(reasons.empty() ? "" : "; ").append(member.member);
        reasons.append(is_eligible(member) ? ": cannot be reached: " : ": ");
        reasons.append(is_eligible(member) ? member.unreachable : member.reason);
    }
    return reasons;
}

}  // namespace proxy
