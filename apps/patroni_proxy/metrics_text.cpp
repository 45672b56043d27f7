#include "patroni_proxy/metrics_text.h"

#include <algorithm>
#include <sstream>

#include <prometheus/text_serializer.h>

#include "daemon/utf8.h"

namespace proxy {
namespace {

using Labels = std::vector<prometheus::ClientMetric::Label>;

/// `labels` and one more. The serializer escapes quotes, backslashes and newlines. A scrape with
/// one byte that is not UTF-8, or that Prometheus' parser takes for its end, would be lost as a
/// whole.
Labels with(Labels labels, const std::string& name, const std::string& value) {
    labels.push_back({name, daemons::valid_utf8(value)});
    std::string& added = labels.back().value;
    std::replace(added.begin(), added.end(), '\0', ' ');
    return labels;
}

/// Collects samples into families, which stand in the order of their first samples. The help text
/// goes out as it is: it must hold no newline and no backslash.
class Families {
  public:
    void gauge(const std::string& name, const char* help, const Labels& labels, double value) {
        sample(prometheus::MetricType::Gauge, name, help, labels).gauge.value = value;
    }
    void counter(const std::string& name, const char* help, const Labels& labels, double value) {
        sample(prometheus::MetricType::Counter, name, help, labels).counter.value = value;
    }
    void gauge(const std::string& name, const char* help, const Labels& labels,
               std::uint64_t value) {
        gauge(name, help, labels, static_cast<double>(value));
    }
    void counter(const std::string& name, const char* help, const Labels& labels,
                 std::uint64_t value) {
        counter(name, help, labels, static_cast<double>(value));
    }
    template <typename Value>
    void gauge(const std::string& name, const char* help, const Labels& labels,
               const std::optional<Value>& value) {
        if (value)
            gauge(name, help, labels, *value);
    }
    void flag(const std::string& name, const char* help, const Labels& labels, bool value) {
        gauge(name, help, labels, value ? 1.0 : 0.0);
    }
    [[nodiscard]] const std::vector<prometheus::MetricFamily>& all() const { return families_; }

  private:
    prometheus::ClientMetric& sample(prometheus::MetricType type, const std::string& name,
                                     const char* help, const Labels& labels) {
        const auto [place, is_new] = index_.try_emplace(name, families_.size());
        if (is_new)
            families_.push_back({"patroni_proxy_" + name, help, type, {}});
        auto& samples = families_[place->second].metric;
        samples.emplace_back().label = labels;
        return samples.back();
    }

    std::vector<prometheus::MetricFamily> families_;
    std::map<std::string, std::size_t> index_;  // by name, into families_
};

void add_process(Families& out, const ProxyReport& report) {
    out.flag("build_info", "Always 1; the version is a label", with({}, "version", report.version),
             true);
    out.gauge("start_time_seconds", "Unix time of the start of the process", {}, report.started_at);
    out.gauge("uptime_seconds", "Time since the start of the process", {}, report.uptime);
    out.flag("ready", "Whether it is ready for clients", {}, report.ready);
    out.flag("draining", "Whether it waits for its sessions to end, to stop then", {},
             report.draining);
    out.gauge("workers", "Threads that move bytes", {}, std::uint64_t{report.workers});
    out.gauge("sessions_open", "Client sessions on all ports", {}, report.sessions);
    out.gauge("sessions_max", "Client sessions it accepts on all ports; 0 is no limit", {},
              report.max_connections);
    out.gauge("descriptors_open", "File descriptors in use", {}, report.descriptors);
    out.gauge("descriptors_max", "File descriptors it may use", {}, report.max_descriptors);
    out.counter("log_lines_dropped_total", "Log lines that nobody read in time", {},
                report.log_lines_dropped);
    out.counter("reloads_total", "Reloads of the configuration, failed ones included", {},
                report.reload.good + report.reload.failed);
    out.counter("reloads_failed_total", "Reloads that failed and changed nothing", {},
                report.reload.failed);
    out.flag("reload_last_successful", "Whether the last reload was good, or there was none", {},
             report.reload.last_good);
    out.gauge("reload_age_seconds", "Time since the last reload", {}, report.reload.last_age);
}

void add_cluster(Families& out, const ClusterReport& cluster, const Labels& labels) {
    const PollReport& polls = cluster.polls;
    out.gauge("cluster_table_age_seconds", "Age of the answer of Patroni that is in force", labels,
              cluster.table_age);
    out.counter("polls_total", "Rounds of asking Patroni, failed ones included", labels,
                polls.good + polls.failed);
    out.counter("polls_failed_total", "Rounds of asking Patroni that gave no answer", labels,
                polls.failed);
    out.counter("polls_seconds_total", "Time that all rounds of asking Patroni took", labels,
                polls.seconds_total);
    out.gauge("poll_last_seconds", "Time that the last round of asking Patroni took", labels,
              polls.last_seconds);
    out.flag("cluster_leader_known", "Whether a member is known to lead", labels,
             !cluster.leader.empty());
    out.flag("cluster_paused", "Whether Patroni is in maintenance mode", labels, cluster.paused);
    out.gauge("cluster_members", "Members that Patroni tells of", labels,
              std::uint64_t{cluster.members.size()});
    out.gauge("cluster_warnings", "Warnings in the status of the cluster", labels,
              std::uint64_t{cluster.warnings.size()});
}

void add_members(Families& out, const ClusterReport& cluster, const Labels& of_cluster) {
    const auto leader = std::find_if(cluster.members.begin(), cluster.members.end(),
                                     [](const MemberReport& member) { return member.leads; });
    for (const auto& member : cluster.members) {
        const Labels labels = with(of_cluster, "member", member.name);
        out.flag("member_info", "Always 1; role and state, as Patroni tells them, are labels",
                 with(with(labels, "role", member.role), "state", member.state), true);
        out.flag("member_up", "Whether Patroni tells that PostgreSQL runs", labels, member.up);
        out.flag("member_leads", "Whether the member is known to lead", labels, member.leads);
        out.gauge("member_lag_bytes", "WAL that the member lacks, as Patroni tells it", labels,
                  member.lag);
        out.gauge("member_timeline", "Timeline of the member", labels, member.timeline);
        if (member.timeline && leader != cluster.members.end() && leader->timeline)
            out.flag("member_timeline_mismatch",
                     "Whether the timeline of the member is not that of the leader", labels,
                     member.timeline != leader->timeline);
        out.gauge("member_dcs_last_seen_age_seconds",
                  "Time since the member's Patroni last reached its DCS", labels,
                  member.dcs_last_seen_age);
    }
}

void add_port(Families& out, const PortReport& port, const Labels& labels) {
    const auto eligible =
        std::count_if(port.members.begin(), port.members.end(),
                      [](const MemberStanding& member) { return member.standing == "eligible"; });
    out.gauge("port_backends_eligible", "Members that new sessions may use", labels,
              static_cast<double>(eligible));
    out.gauge("port_sessions_open", "Client sessions, those without a backend included", labels,
              port.sessions);
    out.gauge("port_sessions_max", "Client sessions that the port accepts; 0 is no limit", labels,
              port.max_connections);
    for (const auto& [reason, count] : port.refused)
        out.counter("port_refused_total", "Clients that were refused, by reason",
                    with(labels, "reason", reason), count);
}

void add_traffic(Families& out, const MemberTraffic& traffic, const Labels& labels) {
    out.gauge("backend_sessions_open", "Sessions on the member", labels, traffic.sessions);
    out.counter("backend_sessions_total", "Sessions that were begun on the member", labels,
                traffic.sessions_total);
    out.counter("backend_from_client_bytes_total", "Bytes moved from clients to the member", labels,
                traffic.bytes_from_client);
    out.counter("backend_to_client_bytes_total", "Bytes moved from the member to clients", labels,
                traffic.bytes_from_backend);
    out.counter("backend_connect_failures_total", "Connections to the member that failed", labels,
                traffic.connect_failures);
    for (const auto& [reason, count] : traffic.ended)
        out.counter("backend_sessions_ended_total", "Sessions that ended, by reason",
                    with(labels, "reason", reason), count);
}

}  // namespace

std::string metrics_text(const ProxyReport& report) {
    Families out;
    add_process(out, report);
    for (const auto& cluster : report.clusters) {
        const Labels of_cluster = with({}, "cluster", cluster.name);
        add_cluster(out, cluster, of_cluster);
        add_members(out, cluster, of_cluster);
        for (const auto& port : cluster.ports) {
            const Labels of_port = with(of_cluster, "port", port.name);
            add_port(out, port, of_port);
            for (const auto& traffic : port.traffic)
                add_traffic(out, traffic, with(of_port, "member", traffic.member));
        }
    }
    std::ostringstream text;
    prometheus::TextSerializer().Serialize(text, out.all());
    return text.str();
}

}  // namespace proxy
