#include "patroni_proxy/topology/topology_feed.h"

#include <algorithm>
#include <chrono>

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

patroni::Requirements fallback_requirements(const PortConfig& port) {
    patroni::Requirements wanted = port.wanted;
    wanted.roles = port.fallback->roles;
    return wanted;
}

}  // namespace

TopologyFeed::TopologyFeed(const Settings& settings, Publish publish, const ResolverPtr& resolver,
                           Tell tell)
    : name_(settings.cluster.name),
      publish_(std::move(publish)),
      tell_(std::move(tell)),
      resolver_(resolver->with_own_share()),
      addresses_(name_, resolver_, settings.cluster.resolve_prefer),
      log_(name_, "clients of " + name_ + " are refused"),
      watcher_(
          watcher_settings(settings, resolver_),
          [this](const patroni::ClusterView& view) { on_view(view); },
          [this](const patroni::ClusterWatcher::PollResult& poll) { on_poll(poll); }) {
    use_ports(settings.ports);
    use(settings.limits);
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
        asks_remembered_leader_ = false;  // a question that waited will have no reply
        use_ports(settings.ports);
        use(settings.limits);
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
    drop_recollection();
    use_view(view, false);
}

/// An answer comes a moment before the leader's proof. It must not cut who is on the leader that is
/// remembered, if it names the same one.
void TopologyFeed::use_view(const patroni::ClusterView& view, bool anew) {
    if (remembered_leader_) {
        if (auto leader = remembered_leader_->leadership_beside(view, patroni::Clock::now())) {
            patroni::ClusterView completed = view;
            completed.leader = *std::move(leader);
            return use_answer(completed, anew);
        }
        remembered_leader_.reset();
    }
    use_answer(view, anew);
}

/// `anew`: ports or limits have changed, so the tables are made again even for a frozen cluster.
void TopologyFeed::use_answer(const patroni::ClusterView& view, bool anew) {
    addresses_.allow_trouble_reports();
    log_.on_view(view);
    if (limits_.frozen && !frozen_view_ && proxy::why_not_frozen(view).empty()) {
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

void TopologyFeed::use(const OperatorLimits& limits) {
    // The view in force until now, not one that arrived together with the freeze.
    if (limits.frozen && !limits_.frozen && noted_view_.snapshot && !recollection_)
        frozen_view_.emplace(noted_view_);
    else if (!limits.frozen)
        frozen_view_.reset();
    limits_ = limits;
    addresses_.cap(limits_.caps);
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
    auto others =
        port.fallback_judge ? port.fallback_judge->judge(view) : std::vector<patroni::Verdict>{};
    apply_drains(regular, limits_, config.name);
    apply_drains(others, limits_, config.name);
    if (recollection_)
        for (auto* verdicts : {&regular, &others})
            recollection_->narrow(*verdicts, patroni::Clock::now());
    auto table =
        with_fallback(build_backend_table(regular, lookup), build_backend_table(others, lookup),
                      fallback ? fallback->on_return : OnReturn::keep);
    table.from_an_answer = view.snapshot != nullptr;
    keep_former(port, table);
    publish_if_changed(port, table);
    port.grounds = std::make_shared<const Grounds>(
        Grounds{std::move(regular), std::move(others), port.table, config.name,
                port.judge.records(), fallback_records_of(port)});
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

}  // namespace proxy
