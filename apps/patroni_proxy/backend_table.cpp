#include "patroni_proxy/backend_table.h"

#include <algorithm>

namespace proxy {

bool BackendTable::contains(const Backend* backend) const {
    return std::any_of(eligible.begin(), eligible.end(),
                       [=](const BackendPtr& each) { return each.get() == backend; });
}

std::string BackendTable::why_excluded() const {
    std::string text;
    for (const auto& [member, reason] : excluded)
        text.append(text.empty() ? "" : "; ").append(member).append(": ").append(reason);
    return text.empty() ? "Patroni names no member" : text;
}

BackendTable build_backend_table(const patroni::ClusterSnapshot& snapshot,
                                 const patroni::Requirements& wanted, const BackendLookup& lookup) {
    BackendTable table;
    for (const auto& member : snapshot.members) {
        const auto verdict = patroni::judge(snapshot, member, wanted);
        if (!verdict.eligible)
            table.excluded.push_back({member.name, verdict.reason});
        else if (auto backend = lookup(member))
            table.eligible.push_back(std::move(backend));
        else
            table.excluded.push_back({member.name, "host " + member.host + " has no address"});
    }
    return table;
}

}  // namespace proxy
