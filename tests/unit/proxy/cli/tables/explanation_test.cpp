#include "patroni_proxy/cli/tables/explanation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni_proxy/cli/check_port.h"

namespace proxy::cli {
namespace {

using patroni::Standing;
using testing::HasSubstr;

/// Port main/replicas: p1 leads, p2 and p3 are eligible with 3 and 5 sessions.
ProxyReport report() {
    PortReport port;
    port.name = "replicas";
    port.roles = {"sync", "async"};
    port.members = {{"p1", Standing::out, "role is leader"},
                    {"p2", Standing::eligible, "role is replica"},
                    {"p3", Standing::eligible, "role is replica"}};
    port.traffic = {{.member = "p2", .sessions = 2, .ended = {}},
                    {.member = "p3", .sessions = 5, .ended = {}}};
    port.sessions = 7;
    PortReport other;
    other.name = "any";
    other.traffic = {{.member = "p2", .sessions = 1, .ended = {}}};
    ClusterReport cluster;
    cluster.name = "main";
    cluster.leader = "p1";
    cluster.ports = {port, other};
    cluster.members.emplace_back().name = "p2";
    cluster.members.back().host = "10.0.0.2";
    ProxyReport report;
    report.ready = true;
    report.clusters = {cluster};
    return report;
}

class ExplanationTest : public testing::Test {
  protected:
    [[nodiscard]] std::string answer(const std::string& client = "") const {
        const auto address = net::SocketAddress::from_ip(client, 0);
        return explain(report_, {"main", "replicas"}, address).notes.back().text;
    }
    [[nodiscard]] std::string check() const {
        return check_port(report_, {"main", "replicas"}).line();
    }

    ProxyReport report_ = report();
    PortReport& port_ = report_.clusters[0].ports[0];
};

TEST_F(ExplanationTest, TheMemberWithTheFewestSessionsOfAllPorts) {
    EXPECT_EQ(answer(), "A new client goes to p2, which has the fewest sessions: 3");
    EXPECT_EQ(check(),
              "OK - main/replicas: p2, p3 serve | sessions=7;;;0 held=0;;;0 eligible=2;;;0 "
              "refused=0c");
}

TEST_F(ExplanationTest, EveryMemberHasItsReason) {
    EXPECT_EQ(render(explain(report_, {"main", "replicas"}, {}), {}),
              "+ main/replicas: sync, async --+----------+-----------------+\n"
              "| Member | Host     | Verdict  | Sessions | Why             |\n"
              "+--------+----------+----------+----------+-----------------+\n"
              "| p1     |          | out      |        0 | role is leader  |\n"
              "| p2     | 10.0.0.2 | eligible |        3 | role is replica |\n"
              "| p3     |          | eligible |        5 | role is replica |\n"
              "+--------+----------+----------+----------+-----------------+\n"
              " A new client goes to p2, which has the fewest sessions: 3\n");
}

TEST_F(ExplanationTest, EqualsTakeTurns) {
    port_.traffic[1].sessions = 3;
    EXPECT_EQ(answer(), "A new client goes to p2 or p3, which have the fewest sessions: 3 each");
}

TEST_F(ExplanationTest, TheOnlyOne) {
    port_.members[2].standing = Standing::tolerated;
    EXPECT_EQ(answer(), "A new client goes to p2, the only eligible member");
}

TEST_F(ExplanationTest, AMemberThatCannotBeReachedComesLast) {
    port_.members[1].unreachable = "connection refused";
    EXPECT_EQ(answer(), "A new client goes to p3, which has the fewest sessions: 5");
    EXPECT_THAT(check(), HasSubstr("OK - main/replicas: p3 serves |"));
    port_.members[2].unreachable = "timed out";
    EXPECT_EQ(answer(), "A new client is tried on p2, but no eligible member can be reached");
    EXPECT_THAT(check(),
                HasSubstr("CRITICAL - main/replicas: nobody serves: p1: role is leader; p2: "
                          "cannot be reached: connection refused; p3:"));
}

TEST_F(ExplanationTest, AFullMemberIsLeftOut) {
    port_.max_connections_per_backend = 3;
    port_.members[2].standing = Standing::out;
    EXPECT_EQ(answer(),
              "A new client is refused: each eligible member has "
              "max_connections_per_backend (3) sessions");
    EXPECT_THAT(check(), HasSubstr("WARNING - main/replicas: p2 serves; no place for a new client: "
                                   "each eligible member has max_connections_per_backend (3) "
                                   "sessions |"));
    port_.max_connections_per_backend = 4;
    EXPECT_EQ(answer(), "A new client goes to p2, the only eligible member");
    EXPECT_THAT(check(), HasSubstr("OK - "));
}

TEST_F(ExplanationTest, ACapIsALimitToo) {
    OperatorReport cap{.setting = "cap", .member = "p2", .by = "uid 0", .sessions = 3};
    report_.clusters[0].operator_settings = {cap};
    EXPECT_EQ(answer(), "A new client goes to p3, which has the fewest sessions: 5");
    cap.member = "p3";
    report_.clusters[0].operator_settings.push_back(cap);
    EXPECT_EQ(answer(),
              "A new client is refused: each eligible member has as many sessions as its cap "
              "allows");
    EXPECT_THAT(check(), HasSubstr("WARNING - main/replicas: p2, p3 serve; no place for a new "
                                   "client: each eligible member has as many sessions as its cap "
                                   "allows; main/p2 is capped"));
    port_.max_connections_per_backend = 9;
    EXPECT_THAT(answer(), HasSubstr("as its cap or max_connections_per_backend (9) allows"));
}

TEST_F(ExplanationTest, NobodyIsEligible) {
    for (auto& member : port_.members)
        member.standing = Standing::out;
    EXPECT_EQ(answer(), "A new client is refused: no member is eligible");
    port_.queue_timeout = 90;
    EXPECT_EQ(answer(), "A new client is held for up to 1 min 30 s: no member is eligible");
    report_.clusters[0].leader = "";
    report_.clusters[0].leader_reason = "p1 was demoted";
    EXPECT_EQ(answer(),
              "A new client is held for up to 1 min 30 s: no member is eligible, and the "
              "cluster has no leader: p1 was demoted");
    port_.queued = port_.max_queued = 8;
    EXPECT_THAT(answer(), HasSubstr("is refused: max_queued clients (8) are held already"));
    EXPECT_THAT(check(), HasSubstr("; 8 clients are held | sessions=7;;;0 held=8;;;0;8 "));
}

TEST_F(ExplanationTest, TheCheckSaysWhyThereIsNoMemberAsTheReadinessDoes) {
    port_.members.clear();
    EXPECT_THAT(check(), HasSubstr("main/replicas: nobody serves: Patroni has not answered yet |"));
    report_.clusters[0].answer_age = 1;
    EXPECT_THAT(check(), HasSubstr("main/replicas: nobody serves: Patroni names no member |"));
}

TEST_F(ExplanationTest, FallbackIsUnusual) {
    port_.falls_back = true;
    EXPECT_THAT(answer(), HasSubstr("(by fallback_roles)"));
    EXPECT_THAT(check(), HasSubstr("WARNING - main/replicas: p2, p3 serve by fallback_roles |"));
}

TEST_F(ExplanationTest, TheAddressIsCheckedAgainstAllow) {
    port_.allow = {"10.0.0.0/8", "fd00::/8"};
    EXPECT_THAT(answer("10.1.2.3"), HasSubstr("goes to p2"));
    EXPECT_EQ(answer("192.0.2.1"),
              "A client from 192.0.2.1 is refused: allow has only 10.0.0.0/8, fd00::/8");
    EXPECT_EQ(explain(report_, {"main", "replicas"}, {}).notes.front().text,
              "Clients are allowed from 10.0.0.0/8, fd00::/8");
}

TEST_F(ExplanationTest, LimitsOfThePortAndTheProxy) {
    port_.max_connections = 7;
    EXPECT_EQ(answer(), "A new client is refused: the port has max_connections (7) sessions");
    EXPECT_THAT(check(), HasSubstr("WARNING - main/replicas: p2, p3 serve; no place for a new "
                                   "client: the port has max_connections (7) sessions | "
                                   "sessions=7;;;0;7 "));
    report_.sessions = report_.max_connections = 9;
    EXPECT_EQ(answer(), "A new client is refused: the proxy has max_connections (9) sessions");
    port_.queue_timeout = 5;
    EXPECT_EQ(answer(),
              "A new client is held for up to 5 s: the proxy has max_connections (9) sessions");
    port_.queued = 1;  // of the seven of the port and the nine of the proxy
    EXPECT_THAT(answer(), HasSubstr("goes to p2"));
}

TEST_F(ExplanationTest, WhatAnOperatorHasSet) {
    OperatorReport setting{.setting = "drain", .member = "p3", .why = "new disks", .by = "uid 0"};
    report_.clusters[0].operator_settings = {setting};
    EXPECT_THAT(answer(), HasSubstr("goes to p2"));
    EXPECT_THAT(check(),
                HasSubstr("WARNING - main/replicas: p2, p3 serve; main/p3 is drained by uid 0 "
                          "since ?: new disks |"));
    setting = {.setting = "hold", .port = "replicas", .by = "uid 0", .until = 2e9};
    port_.operator_settings = {setting};
    EXPECT_THAT(answer(),
                HasSubstr("A new client is held: main/replicas is held by uid 0 since ?, until "
                          "2033-05-1"));
    EXPECT_THAT(check(),
                HasSubstr("WARNING - main/replicas: new clients wait until p2, p3 may serve "
                          "them; main/replicas is held by uid 0 since ?, until "));
    port_.operator_settings[0].setting = "disable";
    EXPECT_THAT(answer(), HasSubstr("A new client is refused: main/replicas is disabled by uid 0"));
    EXPECT_THAT(check(), HasSubstr("CRITICAL - main/replicas: new clients are refused; "
                                   "main/replicas is disabled by uid 0 since ?"));
}

TEST_F(ExplanationTest, AProxyThatDrains) {
    report_.draining = true;
    EXPECT_THAT(answer(), HasSubstr("cannot connect: patroni_proxy drains"));
    EXPECT_THAT(check(), HasSubstr("CRITICAL - main/replicas: patroni_proxy drains"));
}

TEST_F(ExplanationTest, ALineOfAPluginHasOneBar) {
    for (auto& member : port_.members)
        member = {"p|\n1", Standing::out, "a|b"};
    const std::string line = check();
    EXPECT_EQ(std::count(line.begin(), line.end(), '|'), 1);
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 0);
}

}  // namespace
}  // namespace proxy::cli
