#include "patroni_proxy/admin/metrics_text.h"

#include <algorithm>

#include "daemon/report/metrics.h"

namespace proxy {
namespace {

using daemons::Labels;
using daemons::Metrics;
using daemons::with;

void add_process(Metrics& out, const ProxyReport& report) {
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
    add_reloads(out, report.reload);
}

void add_cluster(Metrics& out, const ClusterReport& cluster, const Labels& labels) {
    out.gauge("cluster_table_age_seconds", "Age of the answer of Patroni that is in force", labels,
              cluster.table_age);
    add_polls(out, cluster.polls, labels);
    out.flag("cluster_leader_known", "Whether a member is known to lead", labels,
             !cluster.leader.empty());
    out.flag("cluster_paused", "Whether Patroni is in maintenance mode", labels, cluster.paused);
    out.gauge("cluster_members", "Members that Patroni tells of", labels,
              std::uint64_t{cluster.members.size()});
    out.gauge("cluster_warnings", "Warnings in the status of the cluster", labels,
              std::uint64_t{cluster.warnings.size()});
}

void add_members(Metrics& out, const ClusterReport& cluster, const Labels& of_cluster) {
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

void add_port(Metrics& out, const PortReport& port, const Labels& labels) {
    const auto eligible =
        std::count_if(port.members.begin(), port.members.end(),
                      [](const MemberStanding& member) { return member.standing == "eligible"; });
    out.gauge("port_backends_eligible", "Members that new sessions may use", labels,
              static_cast<double>(eligible));
    for (const auto& member : port.members)
        if (member.standing == "eligible")
            out.flag("member_reachable",
                     "Whether a session can be begun on an eligible member, as far as is known",
                     with(labels, "member", member.member), member.unreachable.empty());
    out.flag("port_falls_back", "Whether new sessions use members by fallback_roles", labels,
             port.falls_back);
    out.gauge("port_sessions_open", "Client sessions, those without a backend included", labels,
              port.sessions);
    out.gauge("port_sessions_max", "Client sessions that the port accepts; 0 is no limit", labels,
              port.max_connections);
    out.gauge("port_sessions_queued", "Client sessions that are held until there is a backend",
              labels, port.queued);
    out.counter("port_queued_total", "Client sessions that were held, whatever became of them",
                labels, port.queued_total);
    for (const auto& [reason, count] : port.refused)
        out.counter("port_refused_total", "Clients that were refused, by reason",
                    with(labels, "reason", reason), count);
}

void add_traffic(Metrics& out, const MemberTraffic& traffic, const Labels& labels) {
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
    Metrics out("patroni_proxy_");
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
    return out.text();
}

}  // namespace proxy
