// Clients that find no backend and wait for one, as they see it.

#include <atomic>
#include <csignal>
#include <stdexcept>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"

using support::ClusterJson;
using support::TestClient;
using testing::HasSubstr;

namespace {

const std::string kQueued = R"(port_sessions_queued{cluster="c",port="master"})";
const std::string kQueuedTotal = R"(port_queued_total{cluster="c",port="master"})";

std::string refused(const std::string& reason) {
    return R"(port_refused_total{cluster="c",port="master",reason=")" + reason + "\"}";
}

/// The port master with these keys.
std::string config_with(const FakeCluster& cluster, const std::string& keys,
                        const std::string& top = {}) {
    return config_top(top) +
           cluster.section("c",
                           {{"master", "roles: [leader]" + (keys.empty() ? "" : ", " + keys)}});
}

/// A cluster without a leader, and a proxy that knows it.
class Queue : public testing::Test {
  protected:
    Queue() { cluster_.lead_by_nobody(); }

    void start(const std::string& keys, const std::string& workers = "2") {
        std::string config = config_with(cluster_, keys);
        config.replace(config.find("workers: 2"), 10, "workers: " + workers);
        proxy_ = std::make_unique<ProxyUnderTest>(config);
    }
    /// One that has its place before this returns.
    TestClient held_client() {
        const double before = proxy_->metric(kQueued);
        TestClient client = proxy_->connect("c/master");
        proxy_->wait_for_metric(kQueued, before + 1);
        return client;
    }
    void lead_by(std::size_t leader) {
        cluster_.lead_by(leader);
        proxy_->update_clusters();
    }

    FakeCluster cluster_{2};
    std::unique_ptr<ProxyUnderTest> proxy_;
};

TEST_F(Queue, HeldUntilALeaderAppearsAndWhatWasSentMeanwhileArrives) {
    start("queue_timeout: 1h");
    TestClient client = held_client();
    client.send("startup packet\n");
    client.send("and more\n");
    EXPECT_THAT(proxy_->get("/status"), HasSubstr("\"queued\": 1,"));
    EXPECT_EQ(proxy_->metric("sessions_open"), 1);
    lead_by(0);
    EXPECT_EQ(client.receive_line(), "b1");
    EXPECT_EQ(client.receive_line(), "startup packet");
    EXPECT_EQ(client.receive_line(), "and more");
    EXPECT_EQ(proxy_->metric(kQueued), 0);
    EXPECT_EQ(proxy_->metric(kQueuedTotal), 1);
}

TEST_F(Queue, PatroniIsAskedSoonWhereThereIsNoBackendAtAll) {
    start("queue_timeout: 1h");
    cluster_.lead_by(1);
    // Nobody else asks it: the interval is an hour.
    EXPECT_EQ(proxy_->connect("c/master").receive_line(), "b2");
}

TEST_F(Queue, FirstComeFirstServed) {
    start("queue_timeout: 1h, max_connections_per_backend: 1", "1");
    std::vector<TestClient> clients;
    for (int i = 0; i < 4; ++i)
        clients.push_back(held_client());
    lead_by(0);
    for (auto& client : clients) {
        EXPECT_EQ(client.receive_line(), "b1");
        cluster_.backends[0]->wait_for_sessions(1);
        client.close();
    }
}

TEST_F(Queue, FullPortServesWhoCameFirstOverAllWorkers) {
    cluster_.lead_by(0);
    start("queue_timeout: 1h, max_connections: 2");
    std::vector<TestClient> clients;
    for (int i = 0; i < 2; ++i) {
        clients.push_back(proxy_->connect("c/master"));
        EXPECT_EQ(clients.back().receive_line(), "b1");
    }
    for (int i = 0; i < 6; ++i)
        clients.push_back(held_client());
    EXPECT_THAT(proxy_->get("/status"), HasSubstr("\"queued_for\": \"max_connections\""));
    EXPECT_EQ(proxy_->metric(R"(port_full{cluster="c",port="master"})"), 1);
    for (std::size_t i = 2; i < clients.size(); ++i) {
        clients[i - 2].close();
        EXPECT_EQ(clients[i].receive_line(), "b1") << i;
        EXPECT_EQ(proxy_->metric(kQueued), static_cast<double>(clients.size() - 1 - i));
    }
    EXPECT_EQ(proxy_->metric(R"(port_full{cluster="c",port="master"})"), 0);
    // A reload that raises the limit.
    TestClient waits = held_client();
    proxy_->reload(config_with(cluster_, "queue_timeout: 1h, max_connections: 3"));
    EXPECT_EQ(waits.receive_line(), "b1");
    EXPECT_EQ(proxy_->metric(refused("port_full")), 0);
}

TEST_F(Queue, FullPortWithoutAQueueSaysSo) {
    cluster_.lead_by(0);
    start("no_backend: postgres_error, max_connections: 1");
    TestClient session = proxy_->connect("c/master");
    EXPECT_EQ(session.receive_line(), "b1");
    TestClient refused_one = proxy_->connect("c/master");
    refused_one.send(std::string("\0\0\0\x12\0\3\0\0user\0app\0\0", 18));  // a startup packet
    const std::string answer = refused_one.receive_to_eof();
    EXPECT_THAT(answer, HasSubstr("C53300"));
    EXPECT_THAT(answer, HasSubstr("the port has reached max_connections"));
    EXPECT_EQ(proxy_->metric(refused("port_full")), 1);
}

TEST_F(Queue, RefusedWhenItsTimeIsOver) {
    constexpr std::chrono::milliseconds kTimeout{400};
    start("queue_timeout: 400ms");
    const auto begin = support::Clock::now();
    TestClient client = proxy_->connect("c/master");
    client.wait_for_eof();
    EXPECT_GE(support::Clock::now() - begin, kTimeout);
    proxy_->daemon().wait_for_match(
        "c/master: client 127.0.0.1:[0-9]+ refused: no backends available within queue_timeout: "
        "after [0-9.]+ m?s: b1: role is replica");
    EXPECT_EQ(proxy_->metric(refused("queue_timeout")), 1);
    EXPECT_EQ(proxy_->metric(refused("no_backend")), 0);
}

TEST_F(Queue, NoMoreThanMaxQueuedOverAllWorkers) {
    start("queue_timeout: 1h, max_queued: 3");
    std::vector<TestClient> clients;
    for (int i = 0; i < 3; ++i)
        clients.push_back(held_client());
    proxy_->connect("c/master").wait_for_eof();
    proxy_->daemon().wait_for_line(
        "refused: max_queued clients are waiting already: b1: role is replica");
    EXPECT_EQ(proxy_->metric(refused("queue_full")), 1);
    lead_by(0);
    for (auto& client : clients)
        EXPECT_EQ(client.receive_line(), "b1");
}

TEST_F(Queue, ClientThatLeavesFreesItsPlace) {
    start("queue_timeout: 1h, max_queued: 2");
    TestClient first = held_client();
    TestClient second = held_client();
    first.send(std::string("\0\0\0\x12\0\3\0\0user\0app\0\0", 18));  // a startup packet
    first.close();
    proxy_->wait_for_metric(kQueued, 1);
    TestClient third = held_client();
    second.reset();
    proxy_->wait_for_metric(kQueued, 1);
    proxy_->wait_for_metric("sessions_open", 1);
    lead_by(0);
    EXPECT_EQ(third.receive_line(), "b1");
    // One for each worker at most is the proxy itself, which asks whether b1 accepts sessions.
    EXPECT_LE(cluster_.backends[0]->accepted(), 3U);
}

TEST_F(Queue, BackendThatRefusedServesWithoutANewTable) {
    cluster_.lead_by(0);
    cluster_.backends[0]->refuse();
    start("queue_timeout: 1h");
    std::vector<TestClient> clients;
    for (int i = 0; i < 20; ++i)
        clients.push_back(held_client());
    cluster_.backends[0]->start();
    for (auto& client : clients)
        EXPECT_EQ(client.receive_line(), "b1");
}

TEST_F(Queue, SwitchoversUnderLoadRefuseNobody) {
    cluster_.lead_by(0);
    start("queue_timeout: 5s");
    std::atomic<bool> done{false};
    std::atomic<int> served{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i)
        clients.emplace_back([&] {
            while (!done) {
                TestClient client = proxy_->connect("c/master");
                try {
                    client.receive_line();
                    ++served;
                } catch (const std::runtime_error&) {
                    // It was on the old leader when that was over.
                }
            }
        });
    for (std::size_t i = 1; i <= 10; ++i) {
        cluster_.lead_by_nobody();
        proxy_->update_clusters();
        proxy_->wait_for_metric(kQueued, 4);
        const int before = served;
        lead_by(i % 2);
        support::eventually([&] { return served >= before + 8; }, "clients of the new leader");
    }
    done = true;
    for (auto& client : clients)
        client.join();
    for (const std::string reason : {"no_backend", "queue_timeout", "queue_full"})
        EXPECT_EQ(proxy_->metric(refused(reason)), 0) << reason;
    EXPECT_GE(proxy_->metric(kQueuedTotal), 40);
}

TEST_F(Queue, ReloadIsForThoseWhoAreHeldToo) {
    start("queue_timeout: 1h");
    TestClient client = held_client();
    proxy_->reload(config_with(cluster_, "", "queue_timeout: 2h\n"));
    EXPECT_EQ(proxy_->metric(kQueued), 1);
    proxy_->reload(config_with(cluster_, ""));
    client.wait_for_eof();
    EXPECT_EQ(proxy_->metric(refused("queue_timeout")), 1);
    proxy_->connect("c/master").wait_for_eof();
    EXPECT_EQ(proxy_->metric(refused("no_backend")), 1);
    proxy_->reload(config_with(cluster_, "queue_timeout: 1h"));
    client = held_client();
    lead_by(0);
    EXPECT_EQ(client.receive_line(), "b1");
}

TEST_F(Queue, RemovedPortStillServesThoseItHolds) {
    const std::string other = cluster_.section("c", {{"other", "roles: [any]"}});
    start("queue_timeout: 1h");
    TestClient client = held_client();
    proxy_->reload(config_top() + other);
    lead_by(0);
    EXPECT_EQ(client.receive_line(), "b1");
}

TEST_F(Queue, DrainKeepsThoseWhoAreHeldForTheirTime) {
    start("queue_timeout: 1h");
    TestClient client = held_client();
    proxy_->daemon().signal(SIGUSR1);
    proxy_->daemon().wait_for_line("draining: no new clients; 1 sessions");
    lead_by(0);
    EXPECT_EQ(client.receive_line(), "b1");
    client.close();
    EXPECT_EQ(proxy_->daemon().wait_for_exit().code, 0);
}

TEST_F(Queue, DrainEndsWithTheLastThatGaveUp) {
    start("queue_timeout: 1s");
    TestClient client = held_client();
    proxy_->daemon().signal(SIGUSR1);
    client.wait_for_eof();
    EXPECT_EQ(proxy_->daemon().wait_for_exit().code, 0);
}

TEST_F(Queue, SigtermEndsThoseWhoAreHeld) {
    start("queue_timeout: 1h");
    TestClient client = held_client();
    proxy_->daemon().signal(SIGTERM);
    client.wait_for_eof();
    EXPECT_EQ(proxy_->daemon().wait_for_exit().code, 0);
    EXPECT_THAT(proxy_->daemon().output(), HasSubstr("session ended: the proxy is stopping"));
}

}  // namespace
