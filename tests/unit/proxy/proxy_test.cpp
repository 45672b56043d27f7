#include "patroni_proxy/proxy.h"

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "logged.h"
#include "proxy_fixture.h"

namespace proxy {
namespace {

using support::Closed;
using support::TestClient;
using testing::EndsWith;
using testing::HasSubstr;

TEST_F(ProxyTest, RoutesEachPortFromItsFirstConnectionOn) {
    RunningProxy proxy(config());
    EXPECT_EQ(connect(kLeader).receive_line(), "b1");
    EXPECT_EQ(connect(kReplica).receive_line(), "b2");
    EXPECT_EQ(connect(kOther).receive_line(), "b3");
}

TEST_F(ProxyTest, FollowsASwitchoverOnceTold) {
    RunningProxy proxy(config());
    auto on_leader = connect(kLeader);
    auto on_replica = connect(kReplica);
    auto on_other = connect(kOther);
    EXPECT_EQ(on_leader.receive_line(), "b1");
    EXPECT_EQ(on_replica.receive_line(), "b2");
    EXPECT_EQ(on_other.receive_line(), "b3");

    main_is("b2", "b1");
    EXPECT_THAT(update_clusters(), EndsWith("\r\n\r\nUpdated 2 cluster(s)\n"));
    EXPECT_EQ(on_leader.wait_for_close(), Closed::fin);
    EXPECT_EQ(on_replica.wait_for_close(), Closed::fin);
    EXPECT_EQ(connect(kLeader).receive_line(), "b2");
    EXPECT_EQ(connect(kReplica).receive_line(), "b1");
    on_other.send("alive");
    EXPECT_EQ(on_other.receive(5), "alive");
}

TEST_F(ProxyTest, AnUpdateNamesTheClusterThatFailed) {
    RunningProxy proxy(config());
    other_patroni_.answer("/cluster", {.status = 503});
    const auto answer = update_clusters();
    EXPECT_THAT(answer, HasSubstr(" 502 "));
    EXPECT_THAT(answer, HasSubstr("\r\n\r\nUpdated 1 cluster(s); failed: other: " +
                                  other_patroni_.url() + ": status 503 Service Unavailable"));
    // What was known stays in force.
    EXPECT_EQ(connect(kOther).receive_line(), "b3");
}

TEST_F(ProxyTest, StartsWhileAClusterIsDownAndServesItLater) {
    other_patroni_.stop();
    RunningProxy proxy(config());
    EXPECT_EQ(connect(kLeader).receive_line(), "b1");
    EXPECT_EQ(connect(kOther).wait_for_close(), Closed::fin);
    other_patroni_.start();
    EXPECT_THAT(update_clusters(), EndsWith("\r\n\r\nUpdated 2 cluster(s)\n"));
    EXPECT_EQ(connect(kOther).receive_line(), "b3");
}

TEST_F(ProxyTest, AnAddressThatIsTakenIsNamedBeforeAnyoneIsServed) {
    const RunningProxy first(config());
    RunningProxy second;
    EXPECT_EQ(second.apply(config()), "HTTP API: " + address(kAdmin).to_string() +
                                          " cannot be listened on: Address already in use");
    auto elsewhere = config();
    elsewhere.listen_address = address(0);
    EXPECT_EQ(second.apply(elsewhere), "main/rw: " + address(kLeader).to_string() +
                                           " cannot be listened on: Address already in use");
    EXPECT_FALSE(second.report().ready);
    EXPECT_EQ(second.report().why_not_ready, "not listening yet");
}

TEST_F(ProxyTest, StopEndsSessionsAndListening) {
    RunningProxy proxy(config());
    auto client = connect(kLeader);
    (void)client.receive_line();
    proxy.stop();
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    for (const std::uint16_t port : {kAdmin, kLeader, kReplica, kOther})
        EXPECT_EQ(TestClient::connect_error(own_address(), port), ECONNREFUSED) << port;
}

TEST_F(ProxyTest, StopEndsAnUpdateThatSomebodyWaitsFor) {
    RunningProxy proxy(config());
    main_patroni_.answer("/cluster", {.fault = support::Fault::stall});
    const std::size_t before = main_patroni_.requests("/cluster");
    auto client = connect(kAdmin);
    client.send("GET /update_clusters HTTP/1.0\r\n\r\n");
    main_patroni_.wait_for_requests("/cluster", before + 1);
    proxy.stop();
    (void)client.wait_for_close();
}

TEST_F(ProxyTest, WithoutClustersThereIsNothingToUpdate) {
    Config nothing = config();
    nothing.clusters.clear();
    RunningProxy proxy(nothing);
    EXPECT_THAT(update_clusters(), EndsWith("\r\n\r\nUpdated 0 cluster(s)\n"));
}

TEST_F(ProxyTest, ListensOnEveryAddressOfAPort) {
    auto several = config();
    several.clusters[0].ports[0].listen.push_back(address(kSpare));
    const RunningProxy proxy(several);
    EXPECT_EQ(connect(kLeader).receive_line(), "b1");
    EXPECT_EQ(connect(kSpare).receive_line(), "b1");
}

TEST_F(ProxyTest, ReportsItsSessionsAndItsMembers) {
    RunningProxy proxy(config());
    auto first = session_on("b1", kLeader);
    auto second = session_on("b2", kReplica);
    expect_alive(first);
    auto ended = session_on("b1", kLeader);
    ended.half_close();
    (void)ended.wait_for_close();
    support::eventually([&] { return proxy.report().sessions == 2; }, "two sessions");

    const auto report = proxy.report();
    EXPECT_TRUE(report.ready);
    EXPECT_FALSE(report.draining);
    EXPECT_EQ(report.workers, 2U);
    EXPECT_GT(report.max_connections, 0U);
    EXPECT_GT(report.descriptors, 3U);
    EXPECT_GE(report.max_descriptors, report.descriptors);
    ASSERT_EQ(report.clusters.size(), 2U);
    const auto& main = report.clusters[0];
    EXPECT_EQ(main.leader, "b1");
    EXPECT_EQ(main.members.size(), 2U);
    ASSERT_EQ(main.ports.size(), 2U);
    const auto& rw = main.ports[0];
    EXPECT_EQ(rw.name, "rw");
    EXPECT_EQ(rw.listen, std::vector{address(kLeader).to_string()});
    EXPECT_EQ(rw.roles, std::vector<std::string>{"leader"});
    EXPECT_EQ(rw.sessions, 1U);
    ASSERT_EQ(rw.members.size(), 2U);
    EXPECT_EQ(rw.members[0].member, "b1");
    EXPECT_EQ(rw.members[0].standing, patroni::Standing::eligible);
    EXPECT_EQ(rw.members[1].standing, patroni::Standing::out);
    ASSERT_EQ(rw.traffic.size(), 2U) << "counters of each member are there from the start";
    EXPECT_EQ(rw.traffic[1].member, "b2");
    EXPECT_EQ(rw.traffic[1].sessions_total, 0U);
    EXPECT_EQ(rw.traffic[0].member, "b1");
    EXPECT_EQ(rw.traffic[0].sessions, 1U);
    EXPECT_EQ(rw.traffic[0].sessions_total, 2U);
    EXPECT_EQ(rw.traffic[0].bytes_from_client, 4U);
    EXPECT_EQ(rw.traffic[0].bytes_from_backend, 3U + 4U + 3U);
    EXPECT_EQ(rw.traffic[0].ended.at("client_closed"), 1U);
    EXPECT_EQ(rw.traffic[0].ended.at("member_out"), 0U) << "there from the start";
    EXPECT_EQ(rw.refused.at("no_backend"), 0U);
    EXPECT_EQ(report.clusters[1].ports[0].sessions, 0U);
}

TEST_F(ProxyTest, ReportsHowReloadsWent) {
    RunningProxy proxy(config());
    EXPECT_TRUE(proxy.report().reload.last_good);
    EXPECT_EQ(proxy.report().reload.last_age, std::nullopt);
    proxy.note_reload("proxy.yaml:1: no");
    proxy.note_reload("");
    proxy.note_reload("proxy.yaml:2: no");
    const auto reload = proxy.report().reload;
    EXPECT_EQ(reload.good, 1U);
    EXPECT_EQ(reload.failed, 2U);
    EXPECT_FALSE(reload.last_good);
    EXPECT_EQ(reload.last_error, "proxy.yaml:2: no");
    EXPECT_TRUE(reload.last_age.has_value());
}

TEST_F(ProxyTest, IsReadyOnceAClusterHasAnswered) {
    main_patroni_.stop();
    other_patroni_.stop();
    const RunningProxy proxy(config());
    EXPECT_THAT(http("/ready"), HasSubstr(" 503 "));
    EXPECT_THAT(http("/ready"), EndsWith("\r\n\r\nPatroni has not answered yet\n"));
    main_patroni_.start();
    (void)update_clusters();
    EXPECT_THAT(http("/ready"), EndsWith("\r\n\r\nOK\nother: Patroni has not answered yet\n"));
    EXPECT_THAT(http("/ready/main/rw"), EndsWith("\r\n\r\nOK\n"));
    EXPECT_THAT(http("/ready/other/rw"), HasSubstr(" 503 "));
}

TEST_F(ProxyTest, EveryThreadGivesASignOfLife) {
    RunningProxy proxy(config());
    std::promise<void> let_go;
    proxy.ping(std::shared_ptr<void>(nullptr, [&](void* /*nothing*/) { let_go.set_value(); }));
    let_go.get_future().get();
}

TEST_F(ProxyTest, TakesNoMoreSessionsThanItMay) {
    auto limited = config();
    limited.max_connections = 2;
    RunningProxy proxy(limited);
    EXPECT_EQ(proxy.report().max_connections, 2U);
    auto first = session_on("b1", kLeader);
    auto second = session_on("b2", kReplica);
    EXPECT_EQ(connect(kOther).wait_for_close(), Closed::fin);
    EXPECT_EQ(proxy.report().clusters[1].ports[0].refused.at("proxy_full"), 1U);
    limited.max_connections = 1'000'000'000;
    std::string problem;
    const auto log = logged_during([&] { problem = proxy.apply(limited); });
    EXPECT_EQ(problem, "");
    EXPECT_THAT(log, HasSubstr("max_connections of 1000000000 needs more descriptors than the "));
    EXPECT_LT(proxy.report().max_connections, 1'000'000'000U);
    EXPECT_EQ(connect(kOther).receive_line(), "b3");
}

}  // namespace
}  // namespace proxy
