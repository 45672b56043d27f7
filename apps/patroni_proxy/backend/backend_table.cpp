#include "patroni_proxy/backend/backend_table.h"

#include <algorithm>
#include <utility>

namespace proxy {
namespace {

// For one cancel request. A cluster has a handful of members.
constexpr std::size_t kMaxCancelTargets = 32;

bool among(const std::vector<BackendPtr>& backends, const Backend* backend) {
    return std::any_of(backends.begin(), backends.end(),
                       [=](const BackendPtr& each) { return each.get() == backend; });
}

const std::string* reason_for(const std::string& member,
                              const std::vector<BackendTable::Excluded>& excluded) {
    const auto found = std::find_if(excluded.begin(), excluded.end(),
                                    [&](const auto& each) { return each.member == member; });
    return found == excluded.end() ? nullptr : &found->reason;
}

}  // namespace

BackendTable::BackendTable(const BackendTable& other)
    : from_an_answer(other.from_an_answer),
      eligible(other.eligible),
      spares(other.spares),
      tolerated(other.tolerated),
      excluded(other.excluded),
      falls_back(other.falls_back),
      fallback(other.fallback),
      fallback_excluded(other.fallback_excluded) {}

BackendPtr BackendTable::find(const std::string& member, const net::SocketAddress& address) const {
    for (const auto* const each : {&eligible, &spares, &tolerated, &fallback}) {
        const auto found = std::find_if(each->begin(), each->end(), [&](const auto& backend) {
            return backend->member == member && backend->address == address;
        });
        if (found != each->end())
            return *found;
    }
    return nullptr;
}

bool BackendTable::keeps_sessions_of(const Backend* backend, ServedBy served_by) const {
    return serves_by_roles(backend) || among(tolerated, backend) ||
           (served_by == ServedBy::fallback_roles && among(fallback, backend));
}

bool BackendTable::serves_by_roles(const Backend* backend) const {
    return !falls_back && leads_to(backend);
}

bool BackendTable::leads_to(const Backend* backend) const {
    return among(eligible, backend) || among(spares, backend);
}

std::string BackendTable::why_excluded() const {
    std::string text;
    for (const auto& each : excluded)
        text.append(text.empty() ? "" : "; ")
            .append(each.member)
            .append(": ")
            .append(why_unused(each.member));
    if (!text.empty())
        return text;
    return from_an_answer ? "Patroni names no member" : "Patroni has not answered yet";
}

std::string BackendTable::why_excluded(const std::string& member, ServedBy served_by) const {
    if (served_by == ServedBy::fallback_roles)
        if (const auto* reason = reason_for(member, fallback_excluded))
            return *reason;
    const auto* reason = reason_for(member, excluded);
    return reason ? *reason : "no longer in Patroni's answer";
}

std::string BackendTable::why_ended(const Backend& backend, ServedBy served_by) const {
    for (const auto* backends : {&eligible, &tolerated, &fallback})
        for (const auto& each : *backends)
            if (each->member == backend.member && keeps_sessions_of(each.get(), served_by))
                return "it is at " + each->address.to_string() + " now, and no longer at " +
                       backend.address.to_string();
    return why_excluded(backend.member, served_by);
}

std::string BackendTable::why_unused(const std::string& member) const {
    const std::string regular = why_excluded(member);
    const std::string as_fallback = why_excluded(member, ServedBy::fallback_roles);
    return as_fallback == regular ? regular : regular + ", as a fallback: " + as_fallback;
}

std::string BackendTable::why_unreachable(const std::string& member) const {
    std::string why;
    for (const auto* backends : {&eligible, &spares})
        for (const auto& backend : *backends) {
            if (backend->member != member)
                continue;
            const std::string trouble = backend->reachability.why_failing();
            if (trouble.empty())
                return {};
            why += (why.empty() ? "" : ", ") + backend->address.to_string() + ": " + trouble;
        }
    return why;
}

std::optional<std::chrono::steady_clock::time_point> BackendTable::unreachable_since(
    const std::string& member) const {
    std::optional<std::chrono::steady_clock::time_point> latest;
    for (const auto* backends : {&eligible, &spares})
        for (const auto& backend : *backends)
            if (backend->member == member)
                latest = std::max(latest, backend->reachability.failing_since());
    return latest;
}

std::string BackendTable::why_unconfirmed() const {
    std::string text;
    for (const auto& backend : eligible) {
        if (backend->reachability.accepts())
            continue;
        const std::string trouble = backend->reachability.why_failing();
        text.append(text.empty() ? "" : "; ")
            .append(backend->member)
            .append(": ")
            .append(trouble.empty() ? "no answer yet" : trouble);
    }
    return text;
}

std::vector<BackendPtr> BackendTable::cancel_targets() const {
    std::vector<BackendPtr> targets;
    for (const auto* backends : {&eligible, &spares, &tolerated, &fallback})
        for (const auto& backend : *backends)
            if (!among(targets, backend.get()))
                targets.push_back(backend);
    std::stable_partition(targets.begin(), targets.end(),
                          [](const auto& backend) { return backend->connections != 0; });
    if (targets.size() > kMaxCancelTargets)
        targets.resize(kMaxCancelTargets);
    return targets;
}

bool BackendTable::same_as(const BackendTable& other) const {
    return from_an_answer == other.from_an_answer && eligible == other.eligible &&
           spares == other.spares && tolerated == other.tolerated && excluded == other.excluded &&
           falls_back == other.falls_back && fallback == other.fallback &&
           fallback_excluded == other.fallback_excluded;
}

BackendTable build_backend_table(const std::vector<patroni::Verdict>& verdicts,
                                 const BackendLookup& lookup) {
    BackendTable table;
    table.from_an_answer = true;
    for (const auto& verdict : verdicts) {
        const std::string& name = verdict.member->name;
        if (verdict.standing == patroni::Standing::out) {
            table.excluded.push_back({name, verdict.reason});
            continue;
        }
        auto [backends, left, why_not] = lookup(*verdict.member);
        const bool eligible = verdict.standing == patroni::Standing::eligible;
        if (eligible && !backends.empty()) {
            table.eligible.push_back(backends.front());
            table.spares.insert(table.spares.end(), backends.begin() + 1, backends.end());
        } else {
            table.tolerated.insert(table.tolerated.end(), backends.begin(), backends.end());
        }
        table.tolerated.insert(table.tolerated.end(), left.begin(), left.end());
        if (backends.empty())
            table.excluded.push_back({name, why_not});
        else if (!eligible)
            table.excluded.push_back({name, verdict.reason});
    }
    return table;
}

BackendTable with_fallback(const BackendTable& regular, const BackendTable& fallback,
                           OnReturn on_return) {
    BackendTable table(regular);
    for (const auto* backends : {&fallback.eligible, &fallback.spares, &fallback.tolerated})
        table.fallback.insert(table.fallback.end(), backends->begin(), backends->end());
    table.fallback_excluded = fallback.excluded;
    if (table.eligible.empty()) {
        table.eligible = fallback.eligible;
        table.spares = fallback.spares;
        table.falls_back = !fallback.eligible.empty();
    } else if (on_return == OnReturn::close) {
        // In front, so that it takes precedence over the reason why a member was tolerated.
        const std::string reason =
            table.eligible.front()->member + " serves again (fallback_return: close)";
        std::vector<BackendTable::Excluded> ended;
        for (const auto& backend : std::exchange(table.fallback, {}))
            ended.push_back({backend->member, reason});
        table.fallback_excluded.insert(table.fallback_excluded.begin(), ended.begin(), ended.end());
    }
    return table;
}

}  // namespace proxy
