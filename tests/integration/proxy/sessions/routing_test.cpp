// Which member a new connection reaches, as a client of the built proxy sees it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"

using support::ClusterJson;
using support::TestClient;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

TEST(Routing, LeaderPortReachesTheLeaderAndReplicaPortTheReplicas) {
    FakeCluster cluster(3);
    const ProxyUnderTest proxy(cluster.config());
    EXPECT_EQ(proxy.connect("c/master").receive_line(), "b1");
    TestClient first = proxy.connect("c/replicas");
    TestClient second = proxy.connect("c/replicas");
    const std::vector<std::string> reached{first.receive_line(), second.receive_line()};
    EXPECT_THAT(reached, testing::UnorderedElementsAre("b2", "b3"));
}

TEST(Routing, FewestConnectionsDecide) {
    FakeCluster cluster(3);
    const ProxyUnderTest proxy(cluster.config());
    std::vector<TestClient> clients;
    for (int i = 0; i < 30; ++i)
        clients.push_back(proxy.connect("c/any"));
    for (const auto& backend : cluster.backends)
        backend->wait_for_sessions(10);
}

TEST(Routing, RolesOfEveryVersionOfPatroni) {
    FakeCluster cluster(4);
    auto sync = cluster.member(1, "sync_standby");
    auto quorum = cluster.member(2, "quorum_standby");
    auto old_style = cluster.member(3, "replica");
    old_style.state = "running";  // Patroni 3.0.2 says so where later ones say streaming
    cluster.answer_cluster(ClusterJson()
                               .member(cluster.member(0, "leader"))
                               .member(sync)
                               .member(quorum)
                               .member(old_style)
                               .str());
    const ProxyUnderTest proxy(cluster.config());
    std::vector<TestClient> clients;
    for (int i = 0; i < 3; ++i)
        clients.push_back(proxy.connect("c/replicas"));
    for (std::size_t i = 1; i < 4; ++i)
        cluster.backends[i]->wait_for_sessions(1);
}

TEST(Routing, MemberWithoutHostIsUnusableAndTheOthersServe) {
    FakeCluster cluster(3);
    auto broken = cluster.member(1, "replica");
    broken.host = std::nullopt;
    broken.port = std::nullopt;
    broken.timeline = std::nullopt;
    cluster.answer_cluster(ClusterJson()
                               .member(cluster.member(0, "leader"))
                               .member(broken)
                               .member(cluster.member(2, "replica"))
                               .str());
    const ProxyUnderTest proxy(cluster.config());
    EXPECT_EQ(proxy.connect("c/replicas").receive_line(), "b3");
    EXPECT_EQ(proxy.connect("c/replicas").receive_line(), "b3");
}

TEST(Routing, HostMayBeANameOrIPv6) {
    support::BackendOptions options;
    options.name = "six";
    options.ip = "::1";
    support::FakeBackend six(options);
    options.name = "named";
    options.ip = "127.0.0.1";
    options.port = six.port();
    support::FakeBackend named(options);
    FakeCluster cluster(1);
    auto leader = cluster.member(0, "leader");
    leader.host = "localhost";
    auto replica = cluster.member(0, "replica");
    replica.name = "v6";
    replica.host = "::1";
    cluster.answer_cluster(ClusterJson().member(leader).member(replica).str());
    std::string config = cluster.config();
    const std::string from = std::to_string(cluster.backends[0]->port());
    for (auto at = config.find("host_port: " + from); at != std::string::npos;
         at = config.find("host_port: " + from))
        config.replace(at, 11 + from.size(), "host_port: " + std::to_string(six.port()));
    const ProxyUnderTest proxy(config);
    EXPECT_EQ(proxy.connect("c/master").receive_line(), "named");
    EXPECT_EQ(proxy.connect("c/replicas").receive_line(), "six");
}

TEST(Routing, StartingMemberJoinsOnceItRuns) {
    FakeCluster cluster(2);
    auto starting = cluster.member(1, "replica");
    starting.state = "starting";
    cluster.answer_cluster(
        ClusterJson().member(cluster.member(0, "leader")).member(starting).str());
    ProxyUnderTest proxy(cluster.config());
    proxy.connect("c/replicas").wait_for_eof();
    proxy.daemon().wait_for_line(
        "no backends available: b1: it is the leader; b2: state is starting");
    cluster.lead_by(0);
    proxy.update_clusters();
    EXPECT_EQ(proxy.connect("c/replicas").receive_line(), "b2");
}

TEST(Routing, LagOverTheLimitIsOut) {
    FakeCluster cluster(3);
    auto lagging = cluster.member(1, "replica");
    lagging.lag = 2'000'000;
    cluster.answer_cluster(ClusterJson()
                               .member(cluster.member(0, "leader"))
                               .member(lagging)
                               .member(cluster.member(2, "replica"))
                               .str());
    const ProxyUnderTest proxy(cluster.config("max_lag_in_bytes: 1MB"));
    EXPECT_EQ(proxy.connect("c/replicas").receive_line(), "b3");
    EXPECT_EQ(proxy.connect("c/replicas").receive_line(), "b3");
}

TEST(Routing, OneOfThreeApiHostsAliveIsEnough) {
    FakeCluster cluster(2);
    support::FakePatroni gone;
    support::FakePatroni failing;
    gone.stop();
    failing.answer("/cluster", {.status = 503});
    std::string config = cluster.config();
    config.replace(config.find("hosts: [") + 8, 0,
                   "\"" + gone.url() + "\", \"" + failing.url() + "\", ");
    const ProxyUnderTest proxy(config);
    EXPECT_EQ(proxy.connect("c/master").receive_line(), "b1");
}

TEST(Routing, RefusingMemberIsPassedOverForTheNext) {
    FakeCluster cluster(3);
    const ProxyUnderTest proxy(cluster.config());
    cluster.backends[1]->stop();
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(proxy.connect("c/replicas").receive_line(), "b3");
}

TEST(Routing, LeaderWhosePatroniCannotAskItsPostgresGoesOn) {
    FakeCluster cluster(2);
    ProxyUnderTest proxy(cluster.config());
    TestClient session = proxy.connect("c/master");
    EXPECT_EQ(session.receive_line(), "b1");
    cluster.answer_primary(0, 200, "primary", "unknown");
    proxy.update_clusters();
    proxy.daemon().wait_for_line(
        "b1 leads: leader by /cluster alone: its Patroni cannot ask its PostgreSQL");
    // Two answers of more than half a second apart would be enough to cut it.
    const auto& patroni = *cluster.patronis.front();
    patroni.wait_for_answers("/primary", patroni.requests("/primary") + 10);
    EXPECT_TRUE(still_echoes(session));
    EXPECT_EQ(proxy.connect("c/master").receive_line(), "b1");
}

TEST(Routing, AnswerThatIsNoAnswerChangesNothing) {
    FakeCluster cluster(2);
    const ProxyUnderTest proxy(cluster.config());
    TestClient session = proxy.connect("c/master");
    EXPECT_EQ(session.receive_line(), "b1");
    for (const std::string body : {"", "<html>", "{\"members\": [{\"name\": \"b", "[]"}) {
        cluster.answer_cluster(body);
        const std::string answer = proxy.http("GET", "/update_clusters");
        EXPECT_THAT(answer, HasSubstr("502")) << body;
        EXPECT_THAT(answer, HasSubstr(cluster.patronis.front()->url())) << body;
    }
    session.send("still here\n");
    EXPECT_EQ(session.receive_line(), "still here");
    EXPECT_EQ(proxy.connect("c/master").receive_line(), "b1");
}

}  // namespace
