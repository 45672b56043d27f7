#include "daemon/text/json.h"
#include "patroni_agent/admin/report.h"

namespace agent {

using daemons::Json;

static Json json_of(const AnswerReport& answer) {
    return Json::object()
        .add("cluster", answer.cluster)
        .add("member", answer.member)
        .add("role", answer.role)
        .add("state", answer.state)
        .add("reason", answer.reason)
        .add("age", answer.age);
}

static Json json_of(const ListenerReport& listener) {
    return Json::object()
        .add("name", listener.name)
        .add("listen", listener.listen)
        .add("by_request", listener.by_request)
        .add("answers", listener.answers)
        .add("replies", listener.replies);
}

static Json json_of(const ClusterReport& cluster) {
    return Json::object()
        .add("name", cluster.name)
        .add("leader", cluster.leader)
        .add("leader_reason", cluster.leader_reason)
        .add("own_member", cluster.own_member)
        .add("paused", cluster.paused)
        .add("answer_age", cluster.answer_age)
        .add("warnings", cluster.warnings)
        .add("polls", cluster.polls)
        .add("members", cluster.members);
}

std::string status_json(const AgentReport& report) {
    return Json::object()
        .add("version", report.version)
        .add("uptime", report.uptime)
        .add("maintenance", report.maintenance)
        .add("descriptors", report.descriptors)
        .add("max_descriptors", report.max_descriptors)
        .add("log_lines_dropped", report.log_lines_dropped)
        .add("log_problem", report.log_problem)
        .add("reload", report.reload)
        .add("clusters", report.clusters)
        .add("listeners", report.listeners)
        .text();
}

}  // namespace agent
