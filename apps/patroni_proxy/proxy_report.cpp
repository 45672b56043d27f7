// Gathers the report from workers and feeds.

#include <algorithm>
#include <cmath>

#include "daemon/system/unix_time.h"
#include "patroni_proxy/proxy.h"

namespace proxy {
namespace {

/// By name. Includes those at 0: a rate needs a value before the first event.
std::map<std::string, std::uint64_t> by_reason(const SessionEndCounts& counts, bool refusals) {
    std::map<std::string, std::uint64_t> named;
    for (std::size_t i = 0; i < counts.size(); ++i)
        if (const auto end = static_cast<SessionEnd>(i); is_refusal(end) == refusals)
            named.emplace(name_of(end), counts[i]);
    return named;
}

MemberTraffic traffic_of(const std::string& member, const MemberTally& tally) {
    return {.member = member,
            .sessions = tally.sessions,
            .sessions_total = tally.sessions_total,
            .bytes_from_client = tally.bytes_from_client,
            .bytes_from_backend = tally.bytes_from_backend,
            .connect_failures = tally.connect_failures,
            .ended = by_reason(tally.ended, false),
            .rate = tally.rate.per_second(RateTally::Clock::now()),
            .most_per_second = tally.rate.most(),
            .connect_time = tally.connect_time};
}

/// As Patroni tells it; empty if it does not.
std::string address_on(const std::vector<MemberReport>& members, const std::string& name,
                       std::optional<std::uint16_t> host_port) {
    const auto member = std::find_if(members.begin(), members.end(),
                                     [&](const auto& each) { return each.name == name; });
    if (member == members.end() || member->host.empty())
        return {};
    const auto port = host_port ? host_port : member->port;
    if (!port)
        return {};
    const bool is_v6 = member->host.find(':') != std::string::npos;
    return (is_v6 ? "[" + member->host + "]" : member->host) + ":" + std::to_string(*port);
}

template <typename Scale>
Percentiles percentiles_of(const base::Histogram<Scale>& times) {
    return {times.total(), times.quantile(0.5), times.quantile(0.95), times.quantile(0.99)};
}

}  // namespace

void Proxy::note_reload(const std::string& error) {
    reload_.note(error);
    control_.note_reload({error, error.empty() ? changes_ : std::vector<std::string>{}});
}

/// The same every time, which the difference of two clocks is not: whoever watches it takes another
/// one for a restart. If the clock was set, it follows.
double Proxy::started_at(double uptime) {
    const double at = daemons::unix_now() - uptime;
    if (std::abs(at - started_at_) > 1)
        started_at_ = at;
    return started_at_;
}

ProxyReport Proxy::report() {
    if (last_report_)
        return *last_report_;
    ProxyReport report;
    static_cast<daemons::ProcessReport&>(report) =
        daemons::process_report(VERSION, started_, reload_);
    report.started_at = started_at(report.uptime);
    report.workers = static_cast<unsigned>(workers_.size());
    report.sessions = sessions_.open;
    report.max_connections = sessions_.max_places;

    std::vector<std::map<PortId, PortTally>> by_worker(workers_.size());
    std::atomic<std::size_t> next{0};
    on_each_worker([&](Worker& worker) { by_worker[next++] = worker.tallies(); });
    std::map<PortId, PortTally> tallies;
    for (const auto& worker : by_worker)
        for (const auto& [port, tally] : worker)
            add(tallies[port], tally);
    bool any_table = false;
    for (const auto& cluster : config_.clusters) {
        report.clusters.push_back(report_of(cluster, tallies));
        any_table |= report.clusters.back().answer_age.has_value();
    }

    report.history = history_.records();
    report.draining = drained_ != nullptr;
    report.why_not_ready = report.draining ? "draining"
                           : !accepting_   ? "not listening yet"
                           : !any_table    ? "Patroni has not answered yet"
                                           : "";
    report.ready = report.why_not_ready.empty();
    return report;
}

/// The port that serves this one of the configuration; null until it is open.
const Proxy::Ports::value_type* Proxy::find_open(const std::string& cluster,
                                                 const std::string& port) const {
    const auto found = std::find_if(ports_.begin(), ports_.end(), [&](const auto& each) {
        return each.second.cluster == cluster && each.second.config.name == port &&
               !each.second.leaves_at;
    });
    return found == ports_.end() ? nullptr : &*found;
}

/// What is configured, and what holds now.
PortReport Proxy::report_of(const OpenPort& port) const {
    PortReport report;
    report.name = port.config.name;
    report.operator_settings = control_.settings().report_of(port.cluster, port.config.name);
    for (const auto& socket : port.sockets)
        if (socket->is_listening())
            report.listen.push_back(socket->address().to_string());
    for (const auto role : port.config.wanted.roles)
        report.roles.emplace_back(patroni::name_of(role));
    if (port.config.fallback)
        for (const auto role : port.config.fallback->roles)
            report.fallback_roles.emplace_back(patroni::name_of(role));
    report.sessions = port.port->sessions;
    report.queued = port.port->queued;
    if (report.queued != 0)
        report.queued_for = name_of(port.port->shortage.load());
    report.max_connections = port.settings->max_connections;
    report.max_connections_per_backend = port.settings->max_connections_per_backend;
    for (const auto& network : port.settings->allow)
        report.allow.push_back(network.to_string());
    report.queue_timeout = std::chrono::duration<double>(port.settings->queue_timeout).count();
    report.max_queued = port.settings->max_queued;
    return report;
}

/// What was counted, also for members that have had no session yet.
void Proxy::add_counts(PortReport& report, const std::string& label, PortTally tally) const {
    for (const auto& member : report.members)
        tally.members.try_emplace(member.member);
    for (const auto& [member, counts] : tally.members)
        report.traffic.push_back(traffic_of(member, counts));
    report.queued_total = tally.queued_total;
    const PortTimes times = last_minute_.since(label, times_of(tally));
    report.connect_times = percentiles_of(times.connect);
    report.held_times = percentiles_of(times.held);
    report.refused = by_reason(tally.refused, true);
    report.held_time = tally.held_time;
    report.session_time = tally.session_time;
    if (tally.oldest_held)
        report.oldest_held = daemons::seconds_since(*tally.oldest_held);
}

ClusterReport Proxy::report_of(const ClusterConfig& cluster,
                               const std::map<PortId, PortTally>& tallies) const {
    const TopologyFeed& feed = *feeds_.at(cluster.name);
    ClusterReport report;
    static_cast<daemons::ClusterReport&>(report) = feed.report();
    const auto standings = feed.standings();
    const auto& settings = control_.settings();
    report.operator_settings = settings.report_of(cluster.name);
    if (const auto* freeze = settings.find({Operation::freeze, cluster.name, {}, {}}))
        report.warnings.push_back("the cluster is " + freeze->reason() + freeze->times() +
                                  ": routing ignores what Patroni says");
    if (waits_for_thaw(cluster))
        report.warnings.emplace_back(kWaitsForThaw);
    std::sort(report.members.begin(), report.members.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    for (const auto& config : cluster.ports) {
        const auto* open = find_open(cluster.name, config.name);
        if (!open)
            continue;
        const auto& [id, port] = *open;
        PortReport told = report_of(port);
        if (const auto found = standings.find(id); found != standings.end()) {
            told.members = found->second.members;
            told.falls_back = found->second.falls_back;
            told.since = found->second.since;
            told.down_for = found->second.down_for;
        }
        std::sort(told.members.begin(), told.members.end(),
                  [](const auto& a, const auto& b) { return a.member < b.member; });
        for (auto& member : told.members)
            member.address = address_on(report.members, member.member, config.host_port);
        const auto tally = tallies.find(id);
        add_counts(told, port.port->label, tally == tallies.end() ? PortTally{} : tally->second);
        report.ports.push_back(std::move(told));
    }
    return report;
}

}  // namespace proxy
