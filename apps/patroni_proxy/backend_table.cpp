#include "patroni_proxy/backend_table.h"

#include <algorithm>

namespace proxy {
namespace {

patroni::Verdict with_override(patroni::Verdict verdict, const Overrides& overrides) {
    const auto found = overrides.find(verdict.member.name);
    if (found == overrides.end() || verdict.standing == patroni::Standing::out)
        return verdict;
    if (found->second == Override::maintenance)
        return {verdict.member, patroni::Standing::out, "in maintenance by the operator"};
    return {verdict.member, patroni::Standing::tolerated, "drained by the operator"};
}

bool among(const std::vector<BackendPtr>& backends, const Backend* backend) {
    return std::any_of(backends.begin(), backends.end(),
                       [=](const BackendPtr& each) { return each.get() == backend; });
}

}  // namespace

BackendTable::BackendTable(const BackendTable& other)
    : eligible(other.eligible), tolerated(other.tolerated), excluded(other.excluded) {}

bool BackendTable::keeps_sessions_of(const Backend* backend) const {
    return among(eligible, backend) || among(tolerated, backend);
}

std::string BackendTable::why_excluded() const {
    std::string text;
    for (const auto& [member, reason] : excluded)
        text.append(text.empty() ? "" : "; ").append(member).append(": ").append(reason);
    return text.empty() ? "Patroni names no member" : text;
}

std::string BackendTable::why_excluded(const std::string& member) const {
    for (const auto& each : excluded)
        if (each.member == member)
            return each.reason;
    return "no longer in Patroni's answer";
}

bool BackendTable::same_as(const BackendTable& other) const {
    return eligible == other.eligible && tolerated == other.tolerated && excluded == other.excluded;
}

BackendTable build_backend_table(const std::vector<patroni::Verdict>& verdicts,
                                 const Overrides& overrides, const BackendLookup& lookup) {
    BackendTable table;
    for (const auto& each : verdicts) {
        const patroni::Verdict verdict = with_override(each, overrides);
        const std::string& name = verdict.member.name;
        if (verdict.standing == patroni::Standing::out) {
            table.excluded.push_back({name, verdict.reason});
            continue;
        }
        auto [backend, why_not] = lookup(verdict.member);
        const bool eligible = verdict.standing == patroni::Standing::eligible;
        if (backend)
            (eligible ? table.eligible : table.tolerated).push_back(std::move(backend));
        if (!backend && !why_not.empty())
            table.excluded.push_back({name, why_not});
        else if (!eligible)
            table.excluded.push_back({name, verdict.reason});
    }
    return table;
}

}  // namespace proxy
