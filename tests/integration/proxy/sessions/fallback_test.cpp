// A port whose regular members are all gone, and come back.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"

using support::ClusterJson;
using support::TestClient;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

constexpr char kFallback[] = "fallback_roles: [leader]";

/// b1 leads, b2 is a replica, or is stopped.
void replica_is(FakeCluster& cluster, const std::string& state) {
    auto replica = cluster.member(1, "replica");
    replica.state = state;
    cluster.answer_cluster(ClusterJson().member(cluster.member(0, "leader")).member(replica).str());
}

/// Until the second answer that says so.
void update_until_closed(const ProxyUnderTest& proxy, TestClient& client) {
    support::eventually(
        [&] {
            proxy.update_clusters();
            return client.closed_now().has_value();
        },
        "the session to end");
}

TEST(Fallback, NewConnectionsReachTheLeaderWhileAllReplicasAreGoneAndStayThere) {
    FakeCluster cluster(2);
    ProxyUnderTest proxy(cluster.config(kFallback));
    TestClient reader = proxy.connect("c/replicas");
    EXPECT_EQ(reader.receive_line(), "b2");
    EXPECT_EQ(proxy.metric("port_falls_back{cluster=\"c\",port=\"replicas\"}"), 0);

    replica_is(cluster, "stopped");
    proxy.update_clusters();
    TestClient fallen = proxy.connect("c/replicas");
    EXPECT_EQ(fallen.receive_line(), "b1");
    update_until_closed(proxy, reader);
    proxy.daemon().wait_for_line(
        "WARNING c/replicas: falls back to leader: nobody serves as sync, async: ");
    EXPECT_EQ(proxy.metric("port_falls_back{cluster=\"c\",port=\"replicas\"}"), 1);
    EXPECT_THAT(proxy.get("/status"),
                AllOf(HasSubstr("\"falls_back\": true"), HasSubstr("as a fallback: leader")));
    EXPECT_THAT(proxy.http("GET", "/ready/c/replicas"), StartsWith("HTTP/1.1 200"));
    // No other port falls back.
    EXPECT_EQ(proxy.metric("port_falls_back{cluster=\"c\",port=\"master\"}"), 0);

    replica_is(cluster, "streaming");
    proxy.update_clusters();
    proxy.daemon().wait_for_line("INFO c/replicas: no longer falls back: b2 serves");
    EXPECT_EQ(proxy.connect("c/replicas").receive_line(), "b2");
    EXPECT_TRUE(still_echoes(fallen));
    EXPECT_THAT(proxy.get("/status"), HasSubstr("sessions that fell back to it may stay"));
}

TEST(Fallback, SessionsOnTheLeaderEndAsSoonAsAReplicaServesIfTheyAreToldTo) {
    FakeCluster cluster(2);
    replica_is(cluster, "stopped");
    ProxyUnderTest proxy(cluster.config(std::string(kFallback) + ", fallback_return: close"));
    TestClient fallen = proxy.connect("c/replicas");
    EXPECT_EQ(fallen.receive_line(), "b1");
    TestClient writer = proxy.connect("c/master");
    EXPECT_EQ(writer.receive_line(), "b1");
    proxy.update_clusters();
    EXPECT_TRUE(still_echoes(fallen)) << "nobody else serves yet";

    replica_is(cluster, "streaming");
    proxy.update_clusters();
    fallen.wait_for_close();
    proxy.daemon().wait_for_line(
        "c/replicas: session ended: the member may no longer serve: b2 serves again "
        "(fallback_return: close)");
    EXPECT_TRUE(still_echoes(writer));
    EXPECT_EQ(proxy.connect("c/replicas").receive_line(), "b2");
}

TEST(Fallback, ALeaderThatIsDemotedKeepsNoneOfThem) {
    FakeCluster cluster(3);
    auto stopped = cluster.member(1, "replica");
    stopped.state = "stopped";
    auto also_stopped = cluster.member(2, "replica");
    also_stopped.state = "stopped";
    cluster.answer_cluster(ClusterJson()
                               .member(cluster.member(0, "leader"))
                               .member(stopped)
                               .member(also_stopped)
                               .str());
    const ProxyUnderTest proxy(cluster.config(kFallback));
    TestClient fallen = proxy.connect("c/replicas");
    EXPECT_EQ(fallen.receive_line(), "b1");
    // b3 leads, and b1 is being rewound: neither list has a use for it.
    auto demoted = cluster.member(0, "replica");
    demoted.state = "starting";
    cluster.answer_primary(0, 503, "replica");
    cluster.answer_primary(2, 200, "primary");
    cluster.answer_cluster(
        ClusterJson().member(demoted).member(stopped).member(cluster.member(2, "leader")).str());
    proxy.update_clusters();
    fallen.wait_for_close();
    EXPECT_EQ(proxy.connect("c/replicas").receive_line(), "b3");
}

TEST(Fallback, ALeadersPortKeepsNoWriterOnAStandby) {
    FakeCluster cluster(2);
    const ProxyUnderTest proxy(
        config_top() + cluster.section("c", {{"p", "roles: [leader], fallback_roles: [replica]"}}));
    TestClient writer = proxy.connect("c/p");
    EXPECT_EQ(writer.receive_line(), "b1");
    // Nobody leads: b1 would do for new sessions, but not for one that was promised the leader.
    cluster.answer_primary(0, 503, "replica");
    cluster.answer_cluster(ClusterJson()
                               .member(cluster.member(0, "replica"))
                               .member(cluster.member(1, "replica"))
                               .str());
    proxy.update_clusters();
    writer.wait_for_close();
    std::map<std::string, TestClient> readers;
    for (int i = 0; i < 2; ++i) {
        TestClient reader = proxy.connect("c/p");
        std::string member = reader.receive_line();
        readers.emplace(std::move(member), std::move(reader));
    }
    ASSERT_EQ(readers.size(), 2U);
    // b2 is promoted: who fell back to it is where the port leads to now, and b1 stays a fallback.
    cluster.lead_by(1);
    proxy.update_clusters();
    EXPECT_TRUE(still_echoes(readers.at("b1")));
    EXPECT_TRUE(still_echoes(readers.at("b2")));
    EXPECT_EQ(proxy.connect("c/p").receive_line(), "b2");
    // And back: on b2 is a session of the leader's port like any other.
    cluster.lead_by(0);
    proxy.update_clusters();
    readers.at("b2").wait_for_close();
    EXPECT_TRUE(still_echoes(readers.at("b1")));
}

TEST(Fallback, ASwitchoverIsNoReasonToStayOnTheNewLeader) {
    FakeCluster cluster(2);
    const ProxyUnderTest proxy(cluster.config(kFallback));
    TestClient reader = proxy.connect("c/replicas");
    EXPECT_EQ(reader.receive_line(), "b2");
    cluster.lead_by(1);
    proxy.update_clusters();
    reader.wait_for_close();
    EXPECT_EQ(proxy.connect("c/replicas").receive_line(), "b1");
}

TEST(Fallback, ComesAndGoesWithReloads) {
    FakeCluster cluster(2);
    replica_is(cluster, "stopped");
    ProxyUnderTest proxy(cluster.config());
    proxy.connect("c/replicas").wait_for_eof();
    proxy.reload(cluster.config(kFallback));
    TestClient fallen = proxy.connect("c/replicas");
    EXPECT_EQ(fallen.receive_line(), "b1");
    proxy.reload(cluster.config(std::string(kFallback) + ", fallback_return: close"));
    EXPECT_TRUE(still_echoes(fallen));
    EXPECT_THAT(
        proxy.failing_reload(cluster.config("fallback_roles: [sync]")),
        HasSubstr(proxy.config_file() +
                  ":10: port 'replicas': 'sync' in fallback_roles is already covered by roles"));
    EXPECT_TRUE(still_echoes(fallen));
    proxy.reload(cluster.config());
    fallen.wait_for_close();
    proxy.connect("c/replicas").wait_for_eof();
}

}  // namespace
