#include "patroni_proxy/upgrade/needs.h"

#include <algorithm>
#include <initializer_list>

namespace proxy::upgrade {
namespace {

using Backends = std::vector<BackendPtr>;

const Backend* find(const BackendTable& table, const PortNeeds::InUse& in_use) {
    return table.find(in_use.member, in_use.address).get();
}

}  // namespace

PortNeeds needs_of(const std::string& label, const BackendTable& table) {
    PortNeeds needs{.label = label, .has_backends = !table.eligible.empty()};
    const auto add = [&](const Backends& backends, ServedBy served_by) {
        for (const auto& backend : backends)
            if (backend->connections != 0)
                needs.in_use.push_back({backend->member, backend->address, served_by});
    };
    const auto now = table.falls_back ? ServedBy::fallback_roles : ServedBy::roles;
    add(table.eligible, now);
    add(table.spares, now);
    add(table.tolerated, ServedBy::roles);
    add(table.fallback, ServedBy::fallback_roles);
    // A list may keep sessions only of those that are served by it.
    std::erase_if(needs.in_use, [&](const PortNeeds::InUse& in_use) {
        return !table.keeps_sessions_of(find(table, in_use), in_use.served_by);
    });
    return needs;
}

std::string why_not_yet(const std::vector<PortNeeds>& needs,
                        const std::map<std::string, BackendTablePtr>& tables) {
    for (const auto& port : needs) {
        const auto found = tables.find(port.label);
        if (found == tables.end() || !found->second)
            continue;
        const BackendTable& table = *found->second;
        if (port.has_backends && table.eligible.empty())
            return port.label + ": no member is eligible: " + table.why_excluded();
        for (const auto& in_use : port.in_use)
            if (const Backend* const backend = find(table, in_use);
                !backend || !table.keeps_sessions_of(backend, in_use.served_by))
                return port.label + ": the sessions on " + in_use.member + " at " +
                       in_use.address.to_string() +
                       " would end: " + table.why_excluded(in_use.member, in_use.served_by);
    }
    return {};
}

}  // namespace proxy::upgrade
