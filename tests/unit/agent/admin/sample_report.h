#pragma once

#include "patroni_agent/admin/report.h"

namespace agent {

/// A report with something in every field.
inline AgentReport sample_report() {
    ClusterReport cluster;
    cluster.name = "main";
    cluster.leader = "p1";
    cluster.leader_reason = "leader";
    cluster.own_member = "p1";
    cluster.answer_age = 0.25;
    cluster.warnings = {"p2 is behind"};
    cluster.polls = {100, 3, "10.0.0.2:8008: timed out", "10.0.0.1:8008", 4.5, 0.0234567};
    MemberReport p1;
    p1.name = "p1";
    p1.role = "leader";
    p1.state = "running";
    p1.timeline = 7;
    p1.leads = true;
    MemberReport p2;
    p2.name = "p2";
    p2.role = "replica";
    p2.state = "streaming";
    p2.timeline = 6;
    p2.lag = 16'777'216;
    cluster.members = {p1, p2};
    ListenerReport writes;
    writes.name = "writes";
    writes.listen = {"0.0.0.0:5555", "[::1]:5555"};
    writes.answers = {{"main", "p1", "leader", "ready", "p1: leader", 0.5}};
    writes.replies = {{"ready", 12}, {"drain", 0}, {"maint", 3}, {"down", 0}};
    ListenerReport asked = writes;
    asked.name = "asked";
    asked.by_request = true;
    asked.answers.push_back({"main", "p2", "leader", "maint", "p2: role is replica", {}});

    AgentReport report;
    report.version = "0.1.0";
    report.uptime = 3'600.5;
    report.maintenance = true;
    report.descriptors = 42;
    report.max_descriptors = 1'024;
    report.log_lines_dropped = 5;
    report.log_problem = "the log file '/l': No space left on device";
    report.reload = {2, 1, 60.0, false, "agent.yaml:3: unknown key 'role'"};
    report.clusters = {cluster};
    report.listeners = {writes, asked};
    return report;
}

}  // namespace agent
