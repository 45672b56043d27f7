#pragma once

#include "patroni_proxy/report/report.h"

namespace proxy::haproxy {

/// Two ports, with members in each of the states that HAProxy's tools tell apart.
inline ProxyReport sample_ports() {
    using patroni::Standing;
    const auto member = [](const char* name, bool up) {
        MemberReport report;
        report.name = name;
        report.up = up;
        return report;
    };
    ClusterReport cluster;
    cluster.name = "main";
    cluster.members = {member("p1", true), member("p2", true), member("p3", false),
                       member("p4", true)};
    PortReport rw;
    rw.name = "rw";
    rw.listen = {"0.0.0.0:5000"};
    rw.members = {{"p1", Standing::eligible, "leader"},
                  {"p2", Standing::out, "role is replica"},
                  {"p3", Standing::out, "state is stopped"},
                  {"p4", Standing::tolerated, "no longer in Patroni's answer"}};
    rw.members.front().address = "10.0.0.1:6432";  // the port's host_port
    rw.traffic = {{.member = "gone", .sessions_total = 1, .ended = {}},
                  {.member = "p1",
                   .sessions = 3,
                   .sessions_total = 40,
                   .bytes_from_client = 1'000,
                   .bytes_from_backend = 2'000,
                   .connect_failures = 5,
                   .ended = {{"backend_failed", 2}}}};
    rw.sessions = 4;
    rw.max_connections = 100;
    rw.queued = 1;
    rw.refused = {{"not_allowed", 4}, {"no_backend", 2}, {"queue_timeout", 1}};
    PortReport ro;
    ro.name = "ro";
    ro.listen = {"0.0.0.0:5001"};
    ro.members = {{"p2", Standing::eligible, "replica"}};
    cluster.ports = {rw, ro};
    ProxyReport report;
    report.version = "0.1.0";
    report.uptime = 90'123.5;
    report.workers = 2;
    report.sessions = 4;
    report.max_connections = 10'000;
    report.clusters = {cluster};
    return report;
}

}  // namespace proxy::haproxy
