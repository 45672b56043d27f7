#include "patroni_proxy/topology/topology_feed.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <unordered_set>

#include "daemon/log/log.h"
#include "daemon/text/units.h"

namespace proxy {
namespace {

patroni::ClusterWatcher::Settings watcher_settings(const TopologyFeed::Settings& feed,
                                                   const TopologyFeed::ResolverPtr& resolver) {
    patroni::ClusterWatcher::Settings settings;
    settings.hosts = feed.cluster.hosts;
    settings.identity = feed.cluster.identity;
    settings.interval = feed.interval;
    settings.access = {
        .tls = feed.cluster.tls, .resolver = resolver, .prefer = feed.cluster.resolve_prefer};
    for (const auto& port : feed.ports)
        settings.judged_by.push_back(port.config.wanted);
    return settings;
}

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

// What SinceTimes knows of: the leader, each member, and each member as the ports see it.
const std::string kLeader = "leader";
std::string thing_of(const std::string& member) {
    return "member " + member;
}
std::string thing_of(const std::string& member, PortId port) {
    return "port " + std::to_string(port) + ' ' + member;
}

patroni::Requirements fallback_requirements(const PortConfig& port) {
    patroni::Requirements wanted = port.wanted;
    wanted.roles = port.fallback->roles;
    return wanted;
}

}  // namespace

TopologyFeed::TopologyFeed(const Settings& settings, Publish publish, ResolverPtr resolver,
                           Tell tell)
    : name_(settings.cluster.name),
      publish_(std::move(publish)),
      tell_(std::move(tell)),
      resolver_(std::move(resolver)),
      addresses_(name_, resolver_, settings.cluster.resolve_prefer),
      log_(name_, "clients of " + name_ + " are refused"),
      watcher_(
          watcher_settings(settings, resolver_),
          [this](const patroni::ClusterView& view) { on_view(view); },
          [this](const patroni::ClusterWatcher::PollResult& poll) { on_poll(poll); }) {
    use_ports(settings.ports);
    use(settings.overrides);
}

void TopologyFeed::use_ports(const std::vector<Port>& ports) {
    std::vector<JudgedPort> judged;
    for (const auto& port : ports) {
        const auto known = std::find_if(ports_.begin(), ports_.end(), [&](const JudgedPort& each) {
            return each.port.id == port.id;
        });
        if (known == ports_.end()) {
            judged.push_back({port,
                              patroni::Judge(port.config.wanted),
                              std::make_shared<const BackendTable>(),
                              {},
                              {},
                              {}});
            use_fallback(judged.back());
            continue;
        }
        if (known->port.config.host_port != port.config.host_port)
            for (const auto* backends : {&known->table->eligible, &known->table->spares,
                                         &known->table->tolerated, &known->table->fallback})
                for (const auto& backend : *backends)
                    if (std::find(known->former.begin(), known->former.end(), backend) ==
                        known->former.end())
                        known->former.push_back(backend);
        known->port = port;
        known->judge.require(port.config.wanted);
        use_fallback(*known);
        judged.push_back(std::move(*known));
    }
    ports_ = std::move(judged);
}

void TopologyFeed::use_fallback(JudgedPort& port) {
    const PortConfig& config = port.port.config;
    if (!config.fallback)
        port.fallback_judge.reset();
    else if (port.fallback_judge)
        port.fallback_judge->require(fallback_requirements(config));
    else
        port.fallback_judge.emplace(fallback_requirements(config));
}

void TopologyFeed::reconfigure(Settings settings, std::function<void()> applied) {
    auto watched = watcher_settings(settings, resolver_);
    watcher_.reconfigure(std::move(watched), [this, settings = std::move(settings),
                                              applied = std::move(applied)](const auto& view) {
        addresses_.prefer(settings.cluster.resolve_prefer);
        use_ports(settings.ports);
        use(settings.overrides);
        if (recollection_ &&
            !recollection_->memory().fits(settings.cluster.hosts, settings.cluster.identity))
            forget();
        if (view.snapshot)
            use_view(view, true);
        else if (recollection_)
            use_recollection();
        applied();
    });
}

void TopologyFeed::update_now(Done done) {
    watcher_.poll_now([done = std::move(done)](const patroni::ClusterWatcher::PollResult& poll) {
        done(poll.answered ? std::string{} : poll.errors);
    });
}

void TopologyFeed::on_view(const patroni::ClusterView& view) {
    if (!view.snapshot)
        return;
    if (recollection_) {
        daemons::log::info({"state_file_superseded", name_},
                           name_ + ": Patroni has answered; the state file no longer counts");
        recollection_.reset();
    }
    use_view(view, false);
}

/// `anew`: ports or overrides have changed, so the tables are made again even for a frozen cluster.
void TopologyFeed::use_view(const patroni::ClusterView& view, bool anew) {
    addresses_.allow_trouble_reports();
    log_.on_view(view);
    if (overrides_.frozen && !frozen_view_ && proxy::why_not_frozen(view).empty()) {
        frozen_view_.emplace(view);
        anew = true;
    }
    if (!frozen_view_ || frozen_view_->on_view(view) || anew)
        update_ports(frozen_view_ ? frozen_view_->in_force() : view);
    note_view(view);
    tell_history(view);
}

void TopologyFeed::update_ports(const patroni::ClusterView& view) {
    addresses_.begin_view(view);
    for (auto& port : ports_)
        update_port(port, view);
    addresses_.end_view();
}

void TopologyFeed::use(const Overrides& overrides) {
    // The view in force until now, not one that arrived together with the freeze.
    if (overrides.frozen && !overrides_.frozen && noted_view_.snapshot && !recollection_)
        frozen_view_.emplace(noted_view_);
    else if (!overrides.frozen)
        frozen_view_.reset();
    overrides_ = overrides;
    addresses_.cap(overrides_.caps);
}

void TopologyFeed::update_port(JudgedPort& port, const patroni::ClusterView& view) {
    const PortConfig& config = port.port.config;
    const BackendLookup lookup = [&](const patroni::Member& member) -> Located {
        const auto& tracked = addresses_.of(member, config.host_port);
        return {tracked.whereabouts.current(),
                tracked.whereabouts.left(config.wanted.removal_grace), tracked.trouble};
    };
    const auto& fallback = config.fallback;
    auto regular = port.judge.judge(view);
    auto others = port.fallback_judge ? port.fallback_judge->judge(view) : Verdicts{};
    apply_drains(regular, overrides_, config.name);
    apply_drains(others, overrides_, config.name);
    if (recollection_)
        for (auto* verdicts : {&regular, &others})
            recollection_->narrow(*verdicts, patroni::Clock::now());
    auto table =
        with_fallback(build_backend_table(regular, lookup), build_backend_table(others, lookup),
                      fallback ? fallback->on_return : OnReturn::keep);
    table.from_an_answer = view.snapshot != nullptr;
    keep_former(port, table);
    publish_if_changed(port, table);
    port.grounds =
        std::make_shared<const Grounds>(Grounds{std::move(regular), std::move(others), port.table});
}

/// A changed host_port applies to new sessions. Sessions that were connected to the former port
/// stay while their member may keep sessions.
void TopologyFeed::keep_former(JudgedPort& port, BackendTable& table) {
    std::vector<BackendPtr> used = table.tolerated;
    if (!table.falls_back)
        for (const auto* backends : {&table.eligible, &table.spares})
            used.insert(used.end(), backends->begin(), backends->end());
    const auto is_fit = [](const BackendPtr& former, const std::vector<BackendPtr>& by) {
        return std::any_of(by.begin(), by.end(), [&](const BackendPtr& each) {
            return each != former && each->member == former->member &&
                   each->address.ip() == former->address.ip();
        });
    };
    const auto is_unused = [&](const BackendPtr& former) {
        // While the table still leads clients to it, having no session now means nothing.
        return !port.table->leads_to(former.get()) &&
               former->connections.load(std::memory_order_relaxed) == 0;
    };
    // After a change back, the table names the backend again, and it is no longer a former one.
    std::erase_if(port.former, [&](const BackendPtr& each) {
        return is_unused(each) || !(is_fit(each, used) || is_fit(each, table.fallback));
    });
    for (const auto& each : port.former)
        (is_fit(each, used) ? table.tolerated : table.fallback).push_back(each);
}

void TopologyFeed::publish_if_changed(JudgedPort& port, const BackendTable& table) {
    if (port.table->same_as(table))
        return;
    const std::string label = name_ + "/" + port.port.config.name;
    const auto now = patroni::Clock::now();
    const std::chrono::duration<double> span = now - std::exchange(port.published_at, now);
    if (const auto refused = port.table->refused.load(); refused > 1)
        daemons::log::warning(
            {"clients_refused", label},
            label + ": " + std::to_string(refused) +
                " clients were refused while no backends were available, within " +
                daemons::duration_text(span),
            {{"clients", refused}, {"within_seconds", span.count()}});
    if (port.table->falls_back != table.falls_back)
        log_fallback(port, table);
    port.table = std::make_shared<const BackendTable>(table);
    publish_(port.port.id, port.table);
}

void TopologyFeed::log_fallback(const JudgedPort& port, const BackendTable& table) const {
    const PortConfig& config = port.port.config;
    const std::string label = name_ + "/" + config.name;
    if (table.falls_back)
        daemons::log::warning({"fallback_begun", label},
                              label + ": falls back to " +
                                  patroni::names_of(config.fallback->roles) +
                                  ": nobody serves as " + patroni::names_of(config.wanted.roles) +
                                  ": " + table.why_excluded());
    else
        daemons::log::info(
            {"fallback_ended", label},
            label + ": no longer falls back: " +
                (table.eligible.empty() ? table.why_excluded()
                                        : table.eligible.front()->member + " serves"));
}

void TopologyFeed::on_poll(const patroni::ClusterWatcher::PollResult& poll) {
    addresses_.allow_trouble_reports();
    const auto now = patroni::Clock::now();
    log_.on_poll(poll, now);
    if (tell_.poll)
        tell_.poll({now, poll.answered, poll.all_connected, poll.reinitialized, poll.errors,
                    std::chrono::duration_cast<patroni::Clock::duration>(poll.took)});
    const std::lock_guard lock(noted_mutex_);
    polls_.note(poll);
    noted_identity_ = poll.followed;
    if (poll.answered)
        leaders_.on_answered_poll(now);
}

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
    noted_since_ = since_;
    noted_grounds_ = std::move(grounds);
}

void TopologyFeed::note_since(const patroni::ClusterView& view) {
    if (!view.snapshot)
        return;
    const double now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    since_.note(kLeader, view.leader.member, now);
    for (const auto& member : view.snapshot->members)
        since_.note(thing_of(member.name), member.role_name + '/' + member.state_name, now);
    for (const auto& port : ports_)
        if (const auto& grounds = port.grounds)
            for (const auto& member :
                 standing_of(grounds->regular, grounds->fallback, *grounds->table).members)
                since_.note(thing_of(member.member, port.port.id),
                            std::string(name_of(member.standing)), now);
    since_.forget_others();
}

TopologyFeed::Standings TopologyFeed::standings() const {
    std::unique_lock lock(noted_mutex_);
    const auto noted = noted_grounds_;
    const auto since = noted_since_;
    lock.unlock();
    Standings standings;
    for (const auto& [id, grounds] : noted) {
        PortStanding port = standing_of(grounds->regular, grounds->fallback, *grounds->table);
        for (auto& member : port.members)
            member.since = since.of(thing_of(member.member, id));
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
