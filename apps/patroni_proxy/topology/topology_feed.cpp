#include "patroni_proxy/topology/topology_feed.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "daemon/log/log.h"

namespace proxy {
namespace {

// The loops wait for nobody, but this thread does, for all names together, where none of their
// addresses is known yet.
constexpr std::chrono::milliseconds kResolveTimeout{1'000};

std::string describe(const patroni::ClusterSnapshot& snapshot) {
    std::string text;
    for (const auto& member : snapshot.members)
        text.append(text.empty() ? "" : ", ")
            .append(member.name + " " + member.role_name + " " + member.state_name);
    return (text.empty() ? "no members" : text) + (snapshot.paused ? " (paused)" : "");
}

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
            return {member, "eligible",
                    table.falls_back ? "as a fallback: " + find(fallback, member)->reason
                                     : verdict.reason,
                    table.why_unreachable(member)};
        if (tolerated.contains(member))
            return {member, "tolerated", table.why_excluded(member)};
        if (kept.contains(member))
            return {member, "tolerated",
                    table.why_unused(member) + "; sessions that fell back to it may stay"};
        return {member, "out", table.why_unused(member)};
    };
    PortStanding port{{}, table.falls_back};
    for (const auto& verdict : regular)
        port.members.push_back(of_member(verdict));
    // A member that vanished is still told of by who keeps its sessions.
    for (const auto& verdict : fallback)
        if (find(regular, verdict.member->name) == regular.end())
            port.members.push_back(of_member(verdict));
    return port;
}

patroni::Requirements fallback_requirements(const PortConfig& port) {
    patroni::Requirements wanted = port.wanted;
    wanted.roles = port.fallback->roles;
    return wanted;
}

std::string names_of(const std::set<patroni::RequestedRole>& roles) {
    std::string names;
    for (const auto role : roles)
        names.append(names.empty() ? "" : ", ").append(patroni::name_of(role));
    return names;
}

MemberReport report_of(const patroni::Member& member, const patroni::ClusterView& view) {
    MemberReport report{.name = member.name,
                        .role = member.role_name,
                        .state = member.state_name,
                        .host = member.host,
                        .port = member.port,
                        .timeline = member.timeline,
                        .lag = member.lag,
                        .tags = member.tags,
                        .up = patroni::serves(member.state),
                        .leads = member.name == view.leader.member,
                        .dcs_last_seen_age = {}};
    if (const auto seen = view.dcs_last_seen.find(member.name); seen != view.dcs_last_seen.end()) {
        const std::chrono::duration<double> now =
            std::chrono::system_clock::now().time_since_epoch();
        report.dcs_last_seen_age = now.count() - static_cast<double>(seen->second);
    }
    return report;
}

}  // namespace

const TopologyFeed::ResolverPtr& TopologyFeed::shared_resolver() {
    static const auto instance = std::make_shared<patroni::Resolver>();
    return instance;
}

TopologyFeed::TopologyFeed(const Settings& settings, Publish publish, ResolverPtr resolver)
    : name_(settings.cluster.name),
      publish_(std::move(publish)),
      resolver_(std::move(resolver)),
      prefer_(settings.cluster.resolve_prefer),
      watcher_(
          watcher_settings(settings, resolver_),
          [this](const patroni::ClusterView& view) { on_view(view); },
          [this](const patroni::ClusterWatcher::PollResult& round) { on_round(round); }) {
    use_ports(settings.ports);
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
        prefer_ = settings.cluster.resolve_prefer;
        use_ports(settings.ports);
        if (view.snapshot)
            on_view(view);
        applied();
    });
}

void TopologyFeed::update_now(Done done) {
    watcher_.poll_now([done = std::move(done)](const patroni::ClusterWatcher::PollResult& round) {
        done(round.answered ? std::string{} : round.errors);
    });
}

void TopologyFeed::on_view(const patroni::ClusterView& view) {
    hear_trouble_again();
    log_view(view);
    look_up_hosts(*view.snapshot);
    ++views_;
    names_until_ = patroni::Clock::now() + kResolveTimeout;
    for (auto& port : ports_)
        update_port(port, view);
    std::erase_if(tracked_, [this](const auto& entry) { return entry.second.of_view != views_; });
    std::erase_if(backends_, [](const auto& entry) { return entry.second.expired(); });
    note_view(view);
}

void TopologyFeed::update_port(JudgedPort& port, const patroni::ClusterView& view) {
    const PortConfig& config = port.port.config;
    const BackendLookup lookup = [&](const patroni::Member& member) -> Located {
        const Tracked& tracked = track(member, config.host_port, view.answered_at);
        return {tracked.whereabouts.current(),
                tracked.whereabouts.left(config.wanted.removal_grace), tracked.trouble};
    };
    const auto& fallback = config.fallback;
    auto regular = port.judge.judge(view);
    auto others = port.fallback_judge ? port.fallback_judge->judge(view) : Verdicts{};
    auto table =
        with_fallback(build_backend_table(regular, lookup), build_backend_table(others, lookup),
                      fallback ? fallback->on_return : OnReturn::keep);
    keep_former(port, table);
    publish_if_changed(port, table);
    port.grounds =
        std::make_shared<const Grounds>(Grounds{std::move(regular), std::move(others), port.table});
}

/// A changed host_port is for new sessions: those that a member has, by the port that was in force
/// before, go on for as long as it is fit.
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
        // While clients are still led to it, none is no sign.
        return !port.table->leads_to(former.get()) &&
               former->connections.load(std::memory_order_relaxed) == 0;
    };
    // One that the table names anew, as after a change back, is no former one any more.
    std::erase_if(port.former, [&](const BackendPtr& each) {
        return is_unused(each) || !(is_fit(each, used) || is_fit(each, table.fallback));
    });
    for (const auto& each : port.former)
        (is_fit(each, used) ? table.tolerated : table.fallback).push_back(each);
}

/// All at once, so that names which hang are waited for side by side.
void TopologyFeed::look_up_hosts(const patroni::ClusterSnapshot& snapshot) {
    for (const auto& member : snapshot.members)
        (void)resolver_->addresses_of(member.host, prefer_, std::chrono::milliseconds{0});
}

void TopologyFeed::publish_if_changed(JudgedPort& port, const BackendTable& table) {
    if (port.table->same_as(table))
        return;
    if (const auto refused = port.table->refused.load(); refused > 1)
        daemons::log::warning(name_ + "/" + port.port.config.name + ": " + std::to_string(refused) +
                              " clients were refused while no backends were available");
    if (port.table->falls_back != table.falls_back)
        log_fallback(port, table);
    port.table = std::make_shared<const BackendTable>(table);
    publish_(port.port.id, port.table);
}

void TopologyFeed::log_fallback(const JudgedPort& port, const BackendTable& table) const {
    const PortConfig& config = port.port.config;
    const std::string label = name_ + "/" + config.name;
    if (table.falls_back)
        daemons::log::warning(label + ": falls back to " + names_of(config.fallback->roles) +
                              ": nobody serves as " + names_of(config.wanted.roles) + ": " +
                              table.why_excluded());
    else
        daemons::log::info(label + ": no longer falls back: " +
                           (table.eligible.empty() ? table.why_excluded()
                                                   : table.eligible.front()->member + " serves"));
}

/// Once a view, however many ports it serves.
const TopologyFeed::Tracked& TopologyFeed::track(const patroni::Member& member,
                                                 std::optional<std::uint16_t> host_port,
                                                 patroni::Clock::time_point answered_at) {
    Tracked& tracked = tracked_[{member.name, host_port}];
    if (std::exchange(tracked.of_view, views_) == views_)
        return tracked;
    const std::string before = addresses_of(tracked.whereabouts.current());
    const std::string trouble =
        locate(member, host_port ? host_port : member.port, answered_at, tracked.whereabouts);
    const std::string now = addresses_of(tracked.whereabouts.current());
    const std::string whose = name_ + ": " + member.name;
    if (std::exchange(tracked.trouble, trouble) != trouble && !before.empty())
        daemons::log::warning(whose + ": " +
                              (trouble.empty() ? "its address is known again: " + now
                                               : trouble + "; " + now + " stays in force"));
    else if (!before.empty() && before != now)
        daemons::log::info(whose + " is at " + now + " now, before: " + before);
    return tracked;
}

/// Why it finds nothing, if so: then what was found before stays.
std::string TopologyFeed::locate(const patroni::Member& member, std::optional<std::uint16_t> port,
                                 patroni::Clock::time_point answered_at, Whereabouts& whereabouts) {
    if (member.host.empty())
        return "no address in Patroni's answer";
    if (!port)
        return "no port in Patroni's answer";
    auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::max(names_until_ - patroni::Clock::now(), patroni::Clock::duration::zero()));
    if (!whereabouts.current().empty())
        patience = std::min(patience, patroni::Resolver::kStaleAfter);
    const auto found = resolver_->find(member.host, prefer_, patience);
    if (!found)
        return "host " + member.host + " has no address: " + found.reason();
    std::vector<BackendPtr> backends;
    for (const auto& ip : found.value().addresses)
        if (auto backend = backend_at(member.name, ip, *port))
            backends.push_back(std::move(backend));
    if (backends.empty())
        return "host " + member.host + " has an address of an unknown kind";
    whereabouts.found(answered_at, found.value().at, backends, prefer_);
    return {};
}

/// The one that is known by that, or a new one; null if that is no address.
BackendPtr TopologyFeed::backend_at(const std::string& member, const std::string& ip,
                                    std::uint16_t port) {
    std::weak_ptr<Backend>& known = backends_[{member, ip, port}];
    if (BackendPtr backend = known.lock())
        return backend;
    const auto address = net::SocketAddress::from_ip(ip, port);
    if (!address)
        return nullptr;
    auto backend = BackendPtr(new Backend{member, *address});
    known = backend;
    return backend;
}

void TopologyFeed::hear_trouble_again() {
    for (const auto& [place, known] : backends_)
        if (const BackendPtr backend = known.lock())
            backend->reachability.allow_reports();
}

void TopologyFeed::on_round(const patroni::ClusterWatcher::PollResult& round) {
    hear_trouble_again();
    {
        const std::lock_guard lock(noted_mutex_);
        polls_.note(round);
    }
    if (round.errors == logged_errors_)
        return;
    logged_errors_ = round.errors;
    if (round.errors.empty())
        daemons::log::info(name_ + ": " + round.host + " answers");
    else
        daemons::log::warning(name_ + ": " + round.errors +
                              (round.answered ? "" : "; what is known stays in force"));
}

void TopologyFeed::note_view(const patroni::ClusterView& view) {
    std::map<PortId, GroundsPtr> grounds;
    for (const auto& port : ports_)
        grounds[port.port.id] = port.grounds;
    const std::lock_guard lock(noted_mutex_);
    noted_view_ = view;
    noted_grounds_ = std::move(grounds);
}

TopologyFeed::Standings TopologyFeed::standings() const {
    std::unique_lock lock(noted_mutex_);
    const auto noted = noted_grounds_;
    lock.unlock();
    Standings standings;
    for (const auto& [port, grounds] : noted)
        standings.emplace(port, standing_of(grounds->regular, grounds->fallback, *grounds->table));
    return standings;
}

ClusterReport TopologyFeed::report() const {
    const std::lock_guard lock(noted_mutex_);
    ClusterReport report;
    const patroni::ClusterView& view = noted_view_;
    report.name = name_;
    report.polls = polls_;
    report.leader = view.leader.member;
    report.leader_reason = view.leader.reason;
    report.warnings = view.warnings;
    if (!view.snapshot)
        return report;
    const std::chrono::duration<double> age = patroni::Clock::now() - view.answered_at;
    report.table_age = age.count();
    report.paused = view.snapshot->paused;
    for (const auto& member : view.snapshot->members)
        report.members.push_back(report_of(member, view));
    return report;
}

void TopologyFeed::log_view(const patroni::ClusterView& view) {
    const std::string members = describe(*view.snapshot);
    if (std::exchange(logged_members_, members) != members)
        daemons::log::info(name_ + ": " + members);
    const std::string leader = view.leader.member.empty()
                                   ? "no leader: " + view.leader.reason
                                   : view.leader.member + " leads: " + view.leader.reason;
    if (std::exchange(logged_leader_, leader) != leader)
        daemons::log::info(name_ + ": " + leader);
    for (const auto& warning : view.warnings)
        if (std::find(logged_warnings_.begin(), logged_warnings_.end(), warning) ==
            logged_warnings_.end())
            daemons::log::warning(name_ + ": " + warning);
    logged_warnings_ = view.warnings;
}

}  // namespace proxy
