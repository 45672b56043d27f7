#include "daemon/report/metrics.h"
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
    out.flag("maintenance", "Whether an operator took this member out", {}, report.maintenance);
    out.gauge("descriptors_open", "File descriptors in use", {}, report.descriptors);
    out.gauge("descriptors_max", "File descriptors it may use", {}, report.max_descriptors);
    out.counter("log_lines_dropped_total", "Log lines that nobody read in time", {},
                report.log_lines_dropped);
    add_reloads(out, report.reload);
}

void add_cluster(Metrics& out, const ClusterReport& cluster) {
    const Labels labels = with(Labels{}, "cluster", cluster.name);
    out.gauge("cluster_answer_age_seconds", "Age of the last good answer of Patroni", labels,
              cluster.answer_age);
    add_polls(out, cluster.polls, labels);
    out.flag("cluster_leader_known", "Whether a member is known to lead", labels,
             !cluster.leader.empty());
    out.flag("cluster_paused", "Whether Patroni is in maintenance mode", labels, cluster.paused);
    out.gauge("cluster_members", "Members that Patroni tells of", labels,
              std::uint64_t{cluster.members.size()});
    out.gauge("cluster_warnings", "Warnings in the status of the cluster", labels,
              std::uint64_t{cluster.warnings.size()});
    for (const auto& member : cluster.members)
        out.flag("member_leads", "Whether the member is known to lead",
                 with(labels, "member", member.name), member.leads);
}

void add_listener(Metrics& out, const ListenerReport& listener) {
    const Labels of_listener = with(Labels{}, "listener", listener.name);
    for (const auto& [state, count] : listener.replies)
        out.counter("replies_total", "Replies to HAProxy, by the state that they told",
                    with(of_listener, "state", state), count);
    for (const auto& answer : listener.answers) {
        const Labels labels =
            with(with(with(of_listener, "cluster", answer.cluster), "member", answer.member),
                 "role", answer.role);
        for (const auto& [state, count] : listener.replies)
            out.flag("answer", "1 for the state that HAProxy is told now",
                     with(labels, "state", state), answer.state == state);
        out.gauge("answer_age_seconds", "Age of what the answer is made of", labels, answer.age);
    }
}

}  // namespace

std::string metrics_text(const AgentReport& report) {
    Metrics out("patroni_agent_");
    add_process(out, report);
    for (const auto& cluster : report.clusters)
        add_cluster(out, cluster);
    for (const auto& listener : report.listeners)
        add_listener(out, listener);
    return out.text();
}

}  // namespace agent
