// What a feed tells others: the history what it sees, reports how each port sees the members, and
// since when.

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "daemon/system/unix_time.h"
#include "patroni_proxy/topology/topology_feed.h"

namespace proxy {
namespace {

using Names = std::unordered_set<std::string_view>;

Names members_of(const std::vector<BackendPtr>& backends) {
    Names names;
    for (const auto& backend : backends)
        names.insert(backend->member);
    return names;
}

using patroni::Standing;
using Verdicts = std::vector<patroni::Verdict>;

Verdicts::const_iterator find(const Verdicts& verdicts, const std::string& member) {
    return std::find_if(verdicts.begin(), verdicts.end(),
                        [&](const auto& verdict) { return verdict.member->name == member; });
}

/// What a table made of the verdicts by `roles` and by `fallback_roles`.
PortStanding standing_of(const Verdicts& regular, const Verdicts& fallback,
                         const BackendTable& table) {
    const Names eligible = members_of(table.eligible);
    const Names tolerated = members_of(table.tolerated);
    const Names kept = members_of(table.fallback);
    const auto of_member = [&](const patroni::Verdict& verdict) -> MemberStanding {
        const std::string& member = verdict.member->name;
        if (eligible.contains(member))
            return {member, Standing::eligible,
                    table.falls_back ? "as a fallback: " + find(fallback, member)->reason
                                     : verdict.reason,
                    table.why_unreachable(member)};
        if (tolerated.contains(member))
            return {member, Standing::tolerated, table.why_excluded(member)};
        if (kept.contains(member))
            return {member, Standing::tolerated,
                    table.why_unused(member) + "; sessions that fell back to it may stay"};
        return {member, Standing::out, table.why_unused(member)};
    };
    PortStanding port{{}, table.falls_back};
    for (const auto& verdict : regular)
        port.members.push_back(of_member(verdict));
    // A member that vanished is still reported while sessions on it are kept.
    for (const auto& verdict : fallback)
        if (find(regular, verdict.member->name) == regular.end())
            port.members.push_back(of_member(verdict));
    return port;
}

// What SinceTimes knows of: the leader, each member, each port, and each member as the ports see
// it.
const std::string kLeader = "leader";
std::string thing_of(const std::string& member) {
    return "member " + member;
}
std::string thing_of_port(const std::string& port) {
    return "port " + port;
}
/// Names may have blanks: the length tells where the port's name ends.
std::string thing_of(const std::string& member, const std::string& port) {
    std::string thing = "standing " + std::to_string(port.size());
    return thing.append(" ").append(port).append(" ").append(member);
}

}  // namespace

void TopologyFeed::tell_history(const patroni::ClusterView& view) const {
    if (!tell_.seen)
        return;
    history::ClusterSeen seen{patroni::Clock::now(), view, {}, {}, {}};
    note_unreachable(view.leader.member, seen);
    for (const auto& port : ports_) {
        history::PortView told{port.port.config.name, {}, {}};
        for (const auto& backend : port.table->eligible)
            told.serving.insert(backend->member);
        for (const auto& excluded : port.table->excluded)
            told.reasons.emplace(excluded.member, excluded.reason);
        seen.ports.push_back(std::move(told));
    }
    tell_.seen(std::move(seen));
}

/// Why sessions on the leader fail to start on every port that it serves, and since when.
void TopologyFeed::note_unreachable(const std::string& leader, history::ClusterSeen& seen) const {
    for (const auto& port : ports_) {
        if (!members_of(port.table->eligible).contains(leader))
            continue;
        seen.unreachable = port.table->why_unreachable(leader);
        if (seen.unreachable.empty())
            return;
        seen.unreachable_since =
            std::max(seen.unreachable_since, port.table->unreachable_since(leader));
    }
}

void TopologyFeed::note_view(const patroni::ClusterView& view) {
    std::map<PortId, GroundsPtr> grounds;
    for (const auto& port : ports_)
        grounds[port.port.id] = port.grounds;
    note_since(view);
    const std::lock_guard lock(noted_mutex_);
    leaders_.on_view(view, patroni::Clock::now());
    noted_view_ = view;
    if (!recollection_)
        noted_memory_.reset();
    noted_frozen_view_ = frozen_view_;
    noted_since_ = since_;
    noted_grounds_ = std::move(grounds);
}

void TopologyFeed::note_since(const patroni::ClusterView& view) {
    if (!view.snapshot)
        return;
    const double now = daemons::unix_now();
    since_.note(kLeader, view.leader.member, now);
    for (const auto& member : view.snapshot->members)
        since_.note(thing_of(member.name), member.role_name + '/' + member.state_name, now);
    for (const auto& port : ports_)
        if (const auto& grounds = port.grounds) {
            for (const auto& member :
                 standing_of(grounds->regular, grounds->fallback, *grounds->table).members)
                since_.note(thing_of(member.member, grounds->port),
                            std::string(name_of(member.standing)), now,
                            member.standing == Standing::out);
            const bool is_down = grounds->table->eligible.empty();
            since_.note(thing_of_port(grounds->port), is_down ? "down" : "up", now, is_down);
        }
    since_.forget_others();
}

TopologyFeed::Standings TopologyFeed::standings() const {
    std::unique_lock lock(noted_mutex_);
    const auto noted = noted_grounds_;
    const auto since = noted_since_;
    lock.unlock();
    const double now = daemons::unix_now();
    Standings standings;
    for (const auto& [id, grounds] : noted) {
        PortStanding port = standing_of(grounds->regular, grounds->fallback, *grounds->table);
        for (auto& member : port.members) {
            const std::string thing = thing_of(member.member, grounds->port);
            member.since = since.of(thing);
            member.down_for = since.down_for(thing, now);
        }
        port.since = since.of(thing_of_port(grounds->port));
        port.down_for = since.down_for(thing_of_port(grounds->port), now);
        standings.emplace(id, std::move(port));
    }
    return standings;
}

daemons::ClusterReport TopologyFeed::report() const {
    const std::lock_guard lock(noted_mutex_);
    auto report =
        daemons::cluster_report(name_, noted_view_, polls_, leaders_.counts(patroni::Clock::now()));
    report.leader_since = noted_since_.of(kLeader);
    for (auto& member : report.members)
        member.since = noted_since_.of(thing_of(member.name));
    return report;
}

}  // namespace proxy
