#include "patroni_proxy/report/metrics_text.h"

#include <algorithm>

#include "daemon/text/metrics.h"

namespace proxy {
namespace {

using daemons::Labels;
using daemons::Metrics;
using daemons::with;
using patroni::Standing;

void add_process(Metrics& out, const ProxyReport& report) {
    out.flag("build_info", "Always 1; the version is a label", with({}, "version", report.version),
             true);
    out.gauge("start_time_seconds", "Unix time of the start; an upgrade does not change it", {},
              report.started_at);
    out.gauge("uptime_seconds", "Time since the start; it goes on over upgrades", {},
              report.uptime);
    out.flag("ready", "1 if the proxy serves clients", {}, report.ready);
    out.flag("draining",
             "1 if the proxy drains: it stops after its last session, or after drain_timeout", {},
             report.draining);
    out.gauge("workers", "Threads that move bytes", {}, std::uint64_t{report.workers});
    out.gauge("sessions_open", "Client sessions on all ports", {}, report.sessions);
    out.limit("sessions_max", "Limit of client sessions on all ports, if there is one", {},
              report.max_connections);
    daemons::add_process(out, report);
}

void add_members(Metrics& out, const ClusterReport& cluster, const Labels& of_cluster) {
    const auto leader = std::find_if(cluster.members.begin(), cluster.members.end(),
                                     [](const MemberReport& member) { return member.leads; });
    for (const auto& member : cluster.members) {
        const Labels labels = with(of_cluster, "member", member.name);
        out.flag("member_info", "Always 1; role and state by Patroni are labels",
                 with(with(labels, "role", member.role), "state", member.state), true);
        out.flag("member_up", "1 if PostgreSQL runs, by Patroni", labels, member.up);
        out.flag("member_leads", "1 if the member is known to lead", labels, member.leads);
        out.gauge("member_lag_bytes", "Replication lag of the member, by Patroni", labels,
                  member.lag);
        out.gauge("member_timeline", "Timeline of the member", labels, member.timeline);
        if (member.timeline && leader != cluster.members.end() && leader->timeline)
            out.flag("member_timeline_mismatch",
                     "1 if the timeline of the member differs from that of the leader", labels,
                     member.timeline != leader->timeline);
        out.gauge("member_dcs_last_seen_age_seconds",
                  "Time since the member's Patroni last reached its DCS", labels,
                  member.dcs_last_seen_age);
    }
}

void add_operator_settings(Metrics& out, const std::vector<OperatorReport>& settings,
                           const Labels& of_cluster) {
    for (const auto& setting : settings) {
        Labels labels = with(of_cluster, "setting", setting.setting);
        if (!setting.member.empty())
            labels = with(labels, "member", setting.member);
        if (!setting.port.empty())
            labels = with(labels, "port", setting.port);
        out.flag("operator_setting", "1 while an operator has set this", labels, true);
    }
}

void add_port(Metrics& out, const PortReport& port, const Labels& labels) {
    const auto eligible = std::count_if(
        port.members.begin(), port.members.end(),
        [](const MemberStanding& member) { return member.standing == Standing::eligible; });
    out.gauge("port_backends_eligible", "Members that may get new sessions", labels,
              static_cast<double>(eligible));
    for (const auto& member : port.members)
        if (member.standing == Standing::eligible)
            out.flag("member_reachable",
                     "1 if, as far as is known, an eligible member accepts sessions",
                     with(labels, "member", member.member), member.unreachable.empty());
    out.flag("port_falls_back", "1 if new sessions use members by fallback_roles", labels,
             port.falls_back);
    out.gauge("port_sessions_open", "Client sessions, including those without a backend", labels,
              port.sessions);
    out.limit("port_sessions_max", "Limit of client sessions on the port, if there is one", labels,
              port.max_connections);
    out.limit("port_backend_sessions_max",
              "Limit of sessions on one member, if there is one: max_connections_per_backend",
              labels, port.max_connections_per_backend);
    out.gauge("port_sessions_queued", "Client sessions held until there is a backend", labels,
              port.queued);
    out.flag("port_full", "1 while clients are held because a limit leaves no place for them",
             labels, !port.queued_for.empty());
    out.counter("port_queued_total", "Client sessions that have been held", labels,
                port.queued_total);
    out.gauge("port_oldest_held_seconds",
              "Time since the accept of the client held longest; 0 if nobody is held", labels,
              port.oldest_held);
    out.histogram("port_held_duration_seconds",
                  "How long clients were held, counted when they leave the queue", labels,
                  port.held_time);
    out.histogram("port_session_duration_seconds",
                  "How long sessions on members lasted, counted when they end", labels,
                  port.session_time);
    for (const auto& [reason, count] : port.refused)
        out.counter("port_refused_total", "Clients refused, by reason",
                    with(labels, "reason", reason), count);
}

void add_traffic(Metrics& out, const MemberTraffic& traffic, const Labels& labels) {
    out.gauge("backend_sessions_open", "Sessions on the member", labels, traffic.sessions);
    out.counter("backend_sessions_total", "Sessions started on the member", labels,
                traffic.sessions_total);
    out.counter("backend_from_client_bytes_total", "Bytes moved from clients to the member", labels,
                traffic.bytes_from_client);
    out.counter("backend_to_client_bytes_total", "Bytes moved from the member to clients", labels,
                traffic.bytes_from_backend);
    out.counter("backend_connect_failures_total", "Connections to the member that failed", labels,
                traffic.connect_failures);
    out.histogram("backend_connect_duration_seconds", "Time until the member accepted a connection",
                  labels, traffic.connect_time);
    for (const auto& [reason, count] : traffic.ended)
        out.counter("backend_sessions_ended_total", "Sessions that ended, by reason",
                    with(labels, "reason", reason), count);
}

}  // namespace

std::string metrics_text(const ProxyReport& report, daemons::MetricsFormat format) {
    Metrics out("patroni_proxy_");
    add_process(out, report);
    for (const auto& cluster : report.clusters) {
        const Labels of_cluster = with({}, "cluster", cluster.name);
        out.gauge("cluster_table_age_seconds", "Age of Patroni's answer that is in force",
                  of_cluster, cluster.answer_age);
        daemons::add_cluster(out, cluster, of_cluster);
        add_members(out, cluster, of_cluster);
        add_operator_settings(out, cluster.operator_settings, of_cluster);
        for (const auto& port : cluster.ports) {
            const Labels of_port = with(of_cluster, "port", port.name);
            add_port(out, port, of_port);
            add_operator_settings(out, port.operator_settings, of_cluster);
            for (const auto& traffic : port.traffic)
                add_traffic(out, traffic, with(of_port, "member", traffic.member));
        }
    }
    return out.text(format);
}

}  // namespace proxy
