#pragma once

#include "patroni_proxy/report/report.h"

namespace proxy {

/// A report with something in every field: p1 leads, p2 follows another timeline, and of p3 Patroni
/// tells next to nothing.
inline ProxyReport sample_report() {
    MemberReport p1;
    p1.name = "p1";
    p1.role = "leader";
    p1.state = "running";
    p1.host = "10.0.0.1";
    p1.port = 5432;
    p1.timeline = 7;
    p1.tags = {{"noloadbalance", "true"}, {"zone", "a"}};
    p1.up = true;
    p1.leads = true;
    p1.dcs_last_seen_age = 1.25;
    p1.since = 1'795'000'100;
    MemberReport p2;
    p2.name = "p2";
    p2.role = "replica";
    p2.state = "streaming";
    p2.host = "10.0.0.2";
    p2.port = 5433;
    p2.timeline = 6;
    p2.lag = 16'777'216;
    p2.up = true;
    MemberReport p3;
    p3.name = "p3";
    p3.role = "replica";
    p3.state = "start failed";

    PortReport port;
    port.name = "master";
    port.listen = {"0.0.0.0:6432", "[::]:6432"};
    port.roles = {"leader"};
    port.fallback_roles = {"sync", "async"};
    port.falls_back = true;
    port.members = {{"p1", patroni::Standing::eligible, "it answers as primary"},
                    {"p2", patroni::Standing::tolerated, "it led until now"},
                    {"p3", patroni::Standing::out, "role is replica"}};
    port.members[0].since = 1'795'000'100.5;
    port.members[0].address = "10.0.0.1:5432";
    port.members[1].address = "10.0.0.2:5433";
    port.traffic = {{"p1", 2, 12, 1'000, 2'000'000'000'000, 1, {{"client_closed", 9}, {"cut", 1}}}};
    port.sessions = 3;
    port.max_connections = 500;
    port.max_connections_per_backend = 200;
    port.allow = {"10.0.0.0/8", "fd00::/8"};
    port.queue_timeout = 30;
    port.max_queued = 1'000;
    port.queued = 1;
    port.queued_for = "max_connections";
    port.connect_times = {12, 0.001, 0.002, 0.004};
    port.queued_total = 7;
    port.refused = {{"no_backend", 4}, {"port_full", 0}};
    port.held_time.note(0.02);
    port.held_time.note(7);
    port.session_time.note(50);
    port.oldest_held = 1.5;
    port.traffic[0].connect_time.note(0.0002);
    port.traffic[0].connect_time.note(100);

    ClusterReport cluster;
    cluster.name = "main";
    cluster.leader = "p1";
    cluster.leader_reason = "its /primary answers 200";
    cluster.leader_since = 1'795'000'100;
    cluster.paused = true;
    cluster.answer_age = 0.5;
    cluster.warnings = {"p2 is on timeline 6, the leader on 7"};
    cluster.polls = {100, 3, "10.0.0.2:8008: timed out", "10.0.0.1:8008", 4.5, 0.0234567};
    cluster.polls.time.note(0.002);
    cluster.leaders.changes = 2;
    cluster.leaders.leaderless_seconds = 12.5;
    cluster.leaders.leaderless_time.note(0.7);
    cluster.members = {p1, p2, p3};
    cluster.ports = {port};
    cluster.operator_settings = {{.setting = "drain",
                                  .member = "p2",
                                  .why = "new kernel",
                                  .by = "uid 0, pid 42",
                                  .since = 1'795'000'001.5}};

    ProxyReport report;
    report.version = "0.1.0";
    report.started_at = 1'795'000'000.25;
    report.uptime = 3'600.5;
    report.workers = 4;
    report.sessions = 3;
    report.max_connections = 10'000;
    report.descriptors = 42;
    report.max_descriptors = 524'288;
    report.log_lines_dropped = 5;
    report.log_problem = "the log file '/l': No space left on device";
    report.usage = {12.25, 400'000'000, 30'000'000, 1'795'000'000.25};
    report.draining = true;
    report.why_not_ready = "it drains";
    report.reload = {2, 1, 60.0, false, "patroni_proxy.yaml:3: unknown key 'role'"};
    report.clusters = {cluster};
    return report;
}

}  // namespace proxy
