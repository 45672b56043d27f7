// What happens to sessions that are open: who ends them, and who must not.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"

using support::Closed;
using support::TestClient;

namespace {

TEST(Sessions, SwitchoverEndsThoseOnTheOldLeaderAndNoOther) {
    FakeCluster cluster(3);
    const ProxyUnderTest proxy(cluster.config());
    TestClient writer = proxy.connect("c/master");
    EXPECT_EQ(writer.receive_line(), "b1");
    std::vector<TestClient> readers;
    for (int i = 0; i < 2; ++i)
        readers.push_back(proxy.connect("c/replicas"));
    std::map<std::string, TestClient*> reader_on;
    for (auto& reader : readers)
        reader_on[reader.receive_line()] = &reader;
    ASSERT_TRUE(reader_on.count("b2") == 1 && reader_on.count("b3") == 1);

    cluster.lead_by(1);
    proxy.update_clusters();

    writer.wait_for_close();
    cluster.backends[0]->wait_for_resets(1);
    // b2 leads now: it is no replica any more. b3 is untouched.
    reader_on["b2"]->wait_for_close();
    reader_on["b3"]->send("hello\n");
    EXPECT_EQ(reader_on["b3"]->receive_line(), "hello");
    EXPECT_EQ(proxy.connect("c/master").receive_line(), "b2");
}

TEST(Sessions, ConnectsDuringRoleSwapsNeverStayOnAFormerLeader) {
    FakeCluster cluster(2);
    const ProxyUnderTest proxy(cluster.config());
    std::atomic<bool> done{false};
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i)
        clients.emplace_back([&] {
            std::vector<TestClient> kept;
            while (!done) {
                kept.push_back(proxy.connect("c/master"));
                if (kept.size() > 50)
                    kept.clear();
            }
        });
    for (std::size_t swap = 1; swap <= 20; ++swap) {
        const std::size_t leader = swap % 2;
        cluster.lead_by(leader);
        proxy.update_clusters();
        // The former leader keeps none, though clients go on connecting.
        cluster.backends[1 - leader]->wait_for_sessions(0);
    }
    done = true;
    for (auto& client : clients)
        client.join();
}

TEST(Sessions, HalfCloseOfTheClientPassesAndTheAnswerStillArrives) {
    support::BackendOptions options;
    options.close_on_eof = false;
    FakeCluster cluster(1, options);
    const ProxyUnderTest proxy(cluster.config());
    TestClient client = proxy.connect("c/master");
    EXPECT_EQ(client.receive_line(), "b1");
    client.send("last words\n");
    client.half_close();
    cluster.backends[0]->wait_for_eofs(1);
    EXPECT_EQ(client.receive_line(), "last words");
    cluster.backends[0]->send_all("an answer\n");
    EXPECT_EQ(client.receive_line(), "an answer");
    cluster.backends[0]->close_all();
    client.wait_for_eof();
}

TEST(Sessions, WhatABackendSentBeforeItsFinArrives) {
    FakeCluster cluster(1);
    const ProxyUnderTest proxy(cluster.config());
    TestClient client = proxy.connect("c/master");
    EXPECT_EQ(client.receive_line(), "b1");
    const std::string farewell(1'000'000, 'x');
    cluster.backends[0]->send_all(farewell);
    cluster.backends[0]->half_close_all();
    EXPECT_EQ(client.receive_to_eof(), farewell);
}

TEST(Sessions, ResetOfTheClientReachesTheBackend) {
    FakeCluster cluster(1);
    const ProxyUnderTest proxy(cluster.config());
    TestClient client = proxy.connect("c/master");
    EXPECT_EQ(client.receive_line(), "b1");
    client.reset();
    cluster.backends[0]->wait_for_resets(1);
}

TEST(Sessions, LagOverTheLimitEndsTheSessionsOfThatReplica) {
    FakeCluster cluster(2);
    std::string config = cluster.config("max_lag_in_bytes: 1MB, lag_window: 500ms");
    config.replace(config.find("1h"), 2, "200ms");
    const ProxyUnderTest proxy(config);
    TestClient reader = proxy.connect("c/replicas");
    EXPECT_EQ(reader.receive_line(), "b2");
    auto lagging = cluster.member(1, "replica");
    lagging.lag = 2'000'000;
    cluster.answer_cluster(
        support::ClusterJson().member(cluster.member(0, "leader")).member(lagging).str());
    reader.wait_for_close();
}

TEST(Sessions, OutageOfTheApiEndsNone) {
    FakeCluster cluster(2);
    ProxyUnderTest proxy(cluster.config());
    TestClient writer = proxy.connect("c/master");
    EXPECT_EQ(writer.receive_line(), "b1");
    for (const auto& patroni : cluster.patronis)
        patroni->stop();
    EXPECT_THAT(proxy.http("GET", "/update_clusters"), testing::HasSubstr(" 502 "));
    writer.send("hello\n");
    EXPECT_EQ(writer.receive_line(), "hello");
    EXPECT_EQ(proxy.connect("c/replicas").receive_line(), "b2");
}

TEST(Sessions, SigtermEndsThemAndTheExitIsClean) {
    for (const int signal : {SIGTERM, SIGINT}) {
        FakeCluster cluster(1);
        ProxyUnderTest proxy(cluster.config());
        TestClient client = proxy.connect("c/master");
        EXPECT_EQ(client.receive_line(), "b1");
        proxy.daemon().signal(signal);
        client.wait_for_close();
        EXPECT_EQ(proxy.daemon().wait_for_exit().code, 0) << proxy.daemon().output();
    }
}

TEST(Sessions, SigtermDuringAStalledPollEndsAtOnce) {
    // Three seconds is what the request may take. A machine that stalls may take as long to exit.
    constexpr auto kRequest = std::chrono::seconds(3);
    auto fastest = support::Clock::duration::max();
    for (int i = 0; i < 3 && fastest >= kRequest; ++i) {
        FakeCluster cluster(1);
        ProxyUnderTest proxy(cluster.config());
        cluster.patronis.front()->answer("/cluster", {.fault = support::Fault::stall});
        TestClient waiting("127.0.0.1", proxy.port("HTTP API"));
        const auto begin = support::Clock::now();
        waiting.send("GET /update_clusters HTTP/1.1\r\nHost: localhost\r\n\r\n");
        cluster.patronis.front()->wait_for_requests("/cluster", 2);
        proxy.daemon().signal(SIGTERM);
        EXPECT_EQ(proxy.daemon().wait_for_exit().code, 0);
        fastest = std::min(fastest, support::Clock::now() - begin);
    }
    EXPECT_LT(fastest, kRequest);
}

}  // namespace
