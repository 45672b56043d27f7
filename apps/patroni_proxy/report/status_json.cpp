#include "patroni_proxy/report/status_json.h"

#include <algorithm>

#include "daemon/text/iso_time.h"
#include "daemon/text/json.h"

namespace proxy {

using daemons::iso_time;
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

/// What is not known is null.
static Json known(const std::string& text) {
    return text.empty() ? Json() : Json::of(text);
}

static Json json_of(const OperatorReport& setting) {
    return Json::object()
        .add("setting", setting.setting)
        .add("member", known(setting.member))
        .add("port", known(setting.port))
        .add("why", setting.why)
        .add("by", setting.by)
        .add("since", setting.since)
        .add("since_iso", iso_time(setting.since))
        .add("until", setting.until)
        .add("until_iso", iso_time(setting.until))
        .add("sessions", setting.sessions)
        .add("maintenance", setting.maintenance);
}

template <typename Of, typename Name>
static const Of* find(const std::vector<Of>& all, Name Of::*name, const std::string& wanted) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Of& each) { return each.*name == wanted; });
    return found == all.end() ? nullptr : &*found;
}

static Json standings_of(const ClusterReport& cluster, const PortReport& port) {
    Json standings = Json::list();
    for (const auto& member : port.members) {
        const auto* traffic = find(port.traffic, &MemberTraffic::member, member.member);
        const auto* reported = find(cluster.members, &MemberReport::name, member.member);
        standings.append(Json::object()
                             .add("member", member.member)
                             .add("address", known(member.address))
                             .add("standing", std::string(name_of(member.standing)))
                             .add("reason", member.reason)
                             .add("unreachable", member.unreachable)
                             .add("since", member.since)
                             .add("since_iso", iso_time(member.since))
                             .add("sessions", traffic ? traffic->sessions : 0)
                             .add("lag", reported ? reported->lag : std::nullopt));
    }
    return standings;
}

static Json json_of(const Percentiles& times) {
    return Json::object()
        .add("count", times.count)
        .add("p50", times.p50)
        .add("p95", times.p95)
        .add("p99", times.p99);
}

static Json json_of(const ClusterReport& cluster, const PortReport& port) {
    return Json::object()
        .add("name", port.name)
        .add("listen", port.listen)
        .add("roles", port.roles)
        .add("fallback_roles", port.fallback_roles)
        .add("falls_back", port.falls_back)
        .add("members", standings_of(cluster, port))
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
        .add("last_minute", Json::object()
                                .add("connect", json_of(port.connect_times))
                                .add("held", json_of(port.held_times)))
        .add("refused", port.refused)
        .add("operator", port.operator_settings);
}

/// With what the agent does not know: since when; and null for what is not known.
static Json members_of(const ClusterReport& cluster) {
    Json members = Json::list();
    for (const auto& member : cluster.members)
        members.append(Json::object()
                           .add("name", member.name)
                           .add("role", known(member.role))
                           .add("state", known(member.state))
                           .add("since", member.since)
                           .add("since_iso", iso_time(member.since))
                           .add("host", known(member.host))
                           .add("port", member.port)
                           .add("timeline", member.timeline)
                           .add("lag", member.lag)
                           .add("tags", member.tags)
                           .add("up", member.up)
                           .add("leads", member.leads)
                           .add("dcs_last_seen_age", member.dcs_last_seen_age));
    return members;
}

static Json json_of(const ClusterReport& cluster) {
    Json ports = Json::list();
    for (const auto& port : cluster.ports)
        ports.append(json_of(cluster, port));
    return Json::object()
        .add("name", cluster.name)
        .add("leader", known(cluster.leader))
        .add("leader_reason", cluster.leader_reason)
        .add("leader_since", cluster.leader_since)
        .add("leader_since_iso", iso_time(cluster.leader_since))
        .add("paused", cluster.paused)
        .add("table_age", cluster.answer_age)
        .add("warnings", cluster.warnings)
        .add("polls", cluster.polls)
        .add("members", members_of(cluster))
        .add("ports", ports)
        .add("operator", cluster.operator_settings);
}

std::string status_json(const ProxyReport& report) {
    return Json::object()
        .add("version", report.version)
        .add("started_at", report.started_at)
        .add("started_at_iso", iso_time(report.started_at))
        .add("now", report.started_at + report.uptime)
        .add("now_iso", iso_time(report.started_at + report.uptime))
        .add("uptime", report.uptime)
        .add("workers", report.workers)
        .add("sessions", report.sessions)
        .add("max_connections", report.max_connections)
        .add("descriptors", report.descriptors)
        .add("max_descriptors", report.max_descriptors)
        .add("log_lines_dropped", report.log_lines_dropped)
        .add("log_problem", report.log_problem)
        .add("ready", report.ready)
        .add("draining", report.draining)
        .add("why_not_ready", report.why_not_ready)
        .add("reload", report.reload)
        .add("clusters", report.clusters)
        .text();
}

}  // namespace proxy
