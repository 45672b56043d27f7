// Gathers the report.

#include "patroni_agent/agent.h"

namespace agent {
namespace {

AnswerReport report_of(const Profile& profile, const Knowledge& knowledge) {
    const auto [state, reason] = decide(profile, knowledge);
    AnswerReport report;
    report.state = name_of(state);
    report.reason = reason;
    if (knowledge.verdict)
        report.age = std::chrono::duration<double>(knowledge.age).count();
    return report;
}

}  // namespace

AgentReport Agent::report() const {
    AgentReport report;
    static_cast<daemons::ProcessReport&>(report) =
        daemons::process_report(VERSION, started_, reloads_);
    report.maintenance = maintenance_.is_on();
    for (const auto& config : config_.clusters)
        report.clusters.push_back(report_of(config.name, clusters_.at(config.name)));
    for (const auto& config : config_.listeners)
        report.listeners.push_back(report_of(listeners_.at(config.name)));
    return report;
}

ClusterReport Agent::report_of(const std::string& name, const Cluster& cluster) const {
    ClusterReport report;
    static_cast<daemons::ClusterReport&>(report) =
        daemons::cluster_report(name, cluster.view ? *cluster.view : patroni::ClusterView{},
                                cluster.polls, cluster.leaders.counts(patroni::Clock::now()));
    if (cluster.own)
        report.own_member = cluster.own->name();
    return report;
}

ListenerReport Agent::report_of(const Listener& listener) const {
    const ListenerConfig& config = listener.config;
    ListenerReport report;
    report.name = config.name;
    report.by_request = config.by_request;
    for (const auto& serving : servers_)
        if (serving.listener == config.name)
            report.listen.push_back(serving.server->socket()->address().to_string());
    for (const auto state : kAllServerStates)
        report.replies.emplace(name_of(state), listener.replies.at(state));
    if (!config.by_request) {
        report.answers.push_back(report_of_answer(listener));
        return report;
    }
    for (const auto& [cluster, board] : listener.boards) {
        const auto& view = clusters_.at(cluster).view;
        if (!view || !view->snapshot)
            continue;
        for (const auto& member : view->snapshot->members)
            for (const auto role : patroni::kAllRequestedRoles) {
                auto knowledge = board.knowledge_of(member.name, role, patroni::Clock::now());
                knowledge.maintenance = maintenance_.is_on();
                auto answer = agent::report_of(config.profile, knowledge);
                answer.cluster = cluster;
                answer.member = member.name;
                answer.role = patroni::name_of(role);
                report.answers.push_back(std::move(answer));
            }
    }
    return report;
}

AnswerReport Agent::report_of_answer(const Listener& listener) const {
    AnswerReport answer = agent::report_of(listener.config.profile, knowledge_for(listener));
    answer.cluster = listener.config.cluster;
    answer.member = member_of(listener);
    answer.role = patroni::names_of(listener.config.wanted.roles, ",");
    return answer;
}

}  // namespace agent
