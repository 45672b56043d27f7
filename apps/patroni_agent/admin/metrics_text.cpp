#include "daemon/text/metrics.h"
#include "patroni_agent/admin/report.h"

namespace agent {
namespace {

using daemons::Labels;
using daemons::Metrics;
using daemons::with;

void add_process(Metrics& out, const AgentReport& report) {
    out.flag("build_info", "Always 1; the version is a label",
             with(Labels{}, "version", report.version), true);
    out.gauge("uptime_seconds", "Time since the start of the process", {}, report.uptime);
    out.flag("maintenance", "1 if an operator has taken this agent's members out", {},
             report.maintenance);
    daemons::add_process(out, report);
}

void add_cluster(Metrics& out, const ClusterReport& cluster) {
    const Labels labels = with(Labels{}, "cluster", cluster.name);
    out.gauge("cluster_answer_age_seconds", "Age of Patroni's last good answer", labels,
              cluster.answer_age);
    daemons::add_cluster(out, cluster, labels);
    for (const auto& member : cluster.members)
        out.flag("member_leads", "1 if the member is known to lead",
                 with(labels, "member", member.name), member.leads);
}

void add_listener(Metrics& out, const ListenerReport& listener) {
    const Labels of_listener = with(Labels{}, "listener", listener.name);
    for (const auto& [state, count] : listener.replies)
        out.counter("replies_total", "Replies to HAProxy, by state",
                    with(of_listener, "state", state), count);
    for (const auto& answer : listener.answers) {
        const Labels labels =
            with(with(with(of_listener, "cluster", answer.cluster), "member", answer.member),
                 "role", answer.role);
        for (const auto& [state, count] : listener.replies)
            out.flag("answer", "1 for the state in the current reply to HAProxy",
                     with(labels, "state", state), answer.state == state);
        out.gauge("answer_age_seconds", "Age of the evidence for the answer", labels, answer.age);
    }
}

}  // namespace

std::string metrics_text(const AgentReport& report, daemons::MetricsFormat format) {
    Metrics out("patroni_agent_");
    add_process(out, report);
    for (const auto& cluster : report.clusters)
        add_cluster(out, cluster);
    for (const auto& listener : report.listeners)
        add_listener(out, listener);
    return out.text(format);
}

}  // namespace agent
