#include "patroni_proxy/report/status_json.h"

#include "daemon/text/json.h"

namespace proxy {

using daemons::Json;

static Json json_of(const MemberTraffic& traffic) {
    return Json::object()
        .add("member", traffic.member)
        .add("sessions", traffic.sessions)
        .add("sessions_total", traffic.sessions_total)
        .add("bytes_from_client", traffic.bytes_from_client)
        .add("bytes_from_backend", traffic.bytes_from_backend)
        .add("connect_failures", traffic.connect_failures)
        .add("ended", traffic.ended);
}

static Json json_of(const MemberStanding& member) {
    return Json::object()
        .add("member", member.member)
        .add("standing", std::string(name_of(member.standing)))
        .add("reason", member.reason)
        .add("unreachable", member.unreachable);
}

static Json json_of(const OperatorReport& setting) {
    const auto named = [](const std::string& name) {
        return name.empty() ? Json() : Json::of(name);
    };
    return Json::object()
        .add("setting", setting.setting)
        .add("member", named(setting.member))
        .add("port", named(setting.port))
        .add("why", setting.why)
        .add("by", setting.by)
        .add("since", setting.since)
        .add("until", setting.until)
        .add("sessions", setting.sessions)
        .add("maintenance", setting.maintenance);
}

static Json json_of(const PortReport& port) {
    return Json::object()
        .add("name", port.name)
        .add("listen", port.listen)
        .add("roles", port.roles)
        .add("fallback_roles", port.fallback_roles)
        .add("falls_back", port.falls_back)
        .add("members", port.members)
        .add("traffic", port.traffic)
        .add("sessions", port.sessions)
        .add("max_connections", port.max_connections)
        .add("max_connections_per_backend", port.max_connections_per_backend)
        .add("allow", port.allow)
        .add("queue_timeout", port.queue_timeout)
        .add("max_queued", port.max_queued)
        .add("queued", port.queued)
        .add("queued_for", port.queued_for)
        .add("queued_total", port.queued_total)
        .add("refused", port.refused)
        .add("operator", port.operator_settings);
}

static Json json_of(const ClusterReport& cluster) {
    return Json::object()
        .add("name", cluster.name)
        .add("leader", cluster.leader)
        .add("leader_reason", cluster.leader_reason)
        .add("paused", cluster.paused)
        .add("table_age", cluster.answer_age)
        .add("warnings", cluster.warnings)
        .add("polls", cluster.polls)
        .add("members", cluster.members)
        .add("ports", cluster.ports)
        .add("operator", cluster.operator_settings);
}

std::string status_json(const ProxyReport& report) {
    return Json::object()
        .add("version", report.version)
        .add("started_at", report.started_at)
        .add("uptime", report.uptime)
        .add("workers", report.workers)
        .add("sessions", report.sessions)
        .add("max_connections", report.max_connections)
        .add("descriptors", report.descriptors)
        .add("max_descriptors", report.max_descriptors)
        .add("log_lines_dropped", report.log_lines_dropped)
        .add("ready", report.ready)
        .add("draining", report.draining)
        .add("why_not_ready", report.why_not_ready)
        .add("reload", report.reload)
        .add("clusters", report.clusters)
        .text();
}

}  // namespace proxy
