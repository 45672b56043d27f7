#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "patroni_proxy/admin/admin_server.h"

namespace proxy {
namespace {

PortReport port(const std::string& name, const std::vector<MemberStanding>& members) {
    PortReport port;
    port.name = name;
    port.members = members;
    return port;
}

/// A proxy that is ready, with two clusters: of "quiet" Patroni has not said anything yet.
ProxyReport ready_report() {
    ClusterReport main;
    main.name = "main";
    main.answer_age = 0.5;
    main.ports = {
        port("rw", {{"p1", patroni::Standing::out, "role is replica"},
                    {"p2", patroni::Standing::eligible, "it leads"}}),
        port("ro", {{"p1", patroni::Standing::tolerated, "it lags"},
                    {"p2", patroni::Standing::out, "it is the leader"}}),
    };
    ClusterReport quiet;
    quiet.name = "quiet";
    quiet.ports = {port("rw", {})};
    ProxyReport report;
    report.ready = true;
    report.clusters = {main, quiet};
    return report;
}

struct Probe {
    std::string path;
    int status;
    std::string body;
};

void expect_responses(const ProxyReport& report, const std::vector<Probe>& cases) {
    for (const auto& [path, status, body] : cases) {
        const auto response = ready_response(path, report);
        EXPECT_EQ(response.status, status) << path;
        EXPECT_EQ(response.body.str(), body) << path;
        EXPECT_EQ(response.headers.at("Content-Type"), "text/plain; charset=utf-8") << path;
    }
}

TEST(ReadyResponseTest, OfAProxyThatServes) {
    expect_responses(
        ready_report(),
        {
            {"/ready", 200, "OK\nquiet: Patroni has not answered yet\n"},
            {"/ready/main/rw", 200, "OK\n"},
            {"/ready/main/ro", 503, "no backends available: p1: it lags; p2: it is the leader\n"},
            {"/ready/quiet/rw", 503, "no backends available: Patroni has not answered yet\n"},
            {"/ready/main", 404, "no such port\n"},
            {"/ready/main/", 404, "no such port\n"},
            {"/ready/main/rw/", 404, "no such port\n"},
            {"/ready/main/RW", 404, "no such port\n"},
            {"/ready/rw", 404, "no such port\n"},
            {"/ready/quiet/ro", 404, "no such port\n"},
            {"/ready/", 404, "no such port\n"},
        });
}

TEST(ReadyResponseTest, WhatPatroniSaidIsOneLineThatEnds) {
    auto report = ready_report();
    auto& members = report.clusters[0].ports[1].members;
    members = {{"p1", patroni::Standing::out, std::string("state is x\0\nOK\x1b", 15)}};
    expect_responses(report, {{"/ready/main/ro", 503,
                               "no backends available: p1: state is x\\u0000\\nOK\\u001b\n"}});
    members[0].reason = std::string(1'000'000, 's');
    EXPECT_LT(ready_response("/ready/main/ro", report).body.str().size(), 3'000U);
}

TEST(ReadyResponseTest, SaysWhatAClientWouldMeet) {
    auto report = ready_report();
    auto& members = report.clusters[0].ports[0].members;
    members[1].unreachable = "10.0.0.2:5432: Connection refused";
    expect_responses(report, {
                                 {"/ready/main/rw", 503,
                                  "no backends available: p1: role is replica; p2: cannot be "
                                  "reached: 10.0.0.2:5432: Connection refused\n"},
                                 {"/ready", 200, "OK\nquiet: Patroni has not answered yet\n"},
                             });
    members[0] = {"p1", patroni::Standing::eligible, "it follows"};
    expect_responses(report, {{"/ready/main/rw", 200, "OK\n"}});
}

TEST(ReadyResponseTest, ClientsOfADisabledPortAreRefused) {
    auto report = ready_report();
    auto& settings = report.clusters[0].ports[0].operator_settings;
    settings = {{.setting = "hold", .port = "rw", .by = "uid 0"}};
    expect_responses(report, {{"/ready/main/rw", 200, "OK\n"}});
    settings.push_back({.setting = "disable", .port = "rw", .why = "a\nb", .by = "uid 0"});
    expect_responses(report,
                     {{"/ready/main/rw", 503, "main/rw is disabled by uid 0 since ?: a\\nb\n"}});
}

TEST(ReadyResponseTest, OfAProxyThatServesNobody) {
    auto report = ready_report();
    report.ready = false;
    report.why_not_ready = "draining";
    expect_responses(report, {
                                 {"/ready", 503, "draining\n"},
                                 {"/ready/main/rw", 503, "draining\n"},
                                 {"/ready/main/nothing", 503, "draining\n"},
                             });
}

}  // namespace
}  // namespace proxy
