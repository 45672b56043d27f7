// Limits: who waits for how long, how many get in, and what becomes of the others.

#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"
#include "support/sockets/socket.h"

using support::TestClient;
using testing::HasSubstr;

namespace {

std::string refused(const std::string& port, const std::string& reason) {
    return "port_refused_total{cluster=\"c\",port=\"" + port + "\",reason=\"" + reason + "\"}";
}

TEST(Limits, ConnectTimeoutPassesOverAMemberThatDoesNotAnswer) {
    FakeCluster cluster(3);
    cluster.backends[1] = nullptr;  // its place is taken by one that answers no connect
    const auto port = cluster.backends[0]->port();
    cluster.backends[1] = std::make_unique<support::FakeBackend>(
        support::BackendOptions{.name = "b2",
                                .ip = "127.0.0.22",
                                .port = port,
                                .accept = support::BackendOptions::Accept::never});
    ProxyUnderTest proxy(config_top("connect_timeout: 200ms\n") +
                         cluster.section("c", {{"r", "roles: [async]"}}));
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(proxy.connect("c/r").receive_line(), "b3");
    proxy.daemon().wait_for_line("b2 at 127.0.0.22:" + std::to_string(port) +
                                 " cannot be reached: Connection timed out");
}

TEST(Limits, NobodyAnswers) {
    FakeCluster cluster(2);
    ProxyUnderTest proxy(cluster.config());
    for (const auto& backend : cluster.backends)
        backend->refuse();
    proxy.connect("c/any").wait_for_close();
    proxy.daemon().wait_for_line("no backends available: no eligible member answered");
    EXPECT_EQ(proxy.metric(refused("any", "no_backend")), 1);
}

TEST(Limits, IdleTimeoutEndsOnlyWhatIsIdle) {
    FakeCluster cluster(1);
    ProxyUnderTest proxy(config_top() +
                         cluster.section("c", {{"short", "roles: [leader], idle_timeout: 3s"},
                                               {"master", "roles: [leader]"}}));
    const auto begin = support::Clock::now();
    TestClient idle = proxy.connect("c/short");
    TestClient busy = proxy.connect("c/short");
    TestClient unlimited = proxy.connect("c/master");
    for (TestClient* client : {&idle, &busy, &unlimited})
        client->receive_line();
    support::eventually(
        [&] {
            EXPECT_TRUE(still_echoes(busy));
            return idle.closed_now().has_value();
        },
        "the idle session to end");
    EXPECT_GE(support::Clock::now() - begin, std::chrono::seconds(3));
    proxy.daemon().wait_for_line("reason=idle_timeout");
    unlimited.send("x\n");
    EXPECT_EQ(unlimited.receive_line(), "x");
    cluster.backends[0]->wait_for_sessions(2);
}

TEST(Limits, MaxConnectionsOfAPort) {
    FakeCluster cluster(1);
    ProxyUnderTest proxy(
        config_top() +
        cluster.section("c", {{"p", "roles: [any], max_connections: 2"}, {"q", "roles: [any]"}}));
    std::vector<TestClient> clients;
    for (int i = 0; i < 2; ++i) {
        clients.push_back(proxy.connect("c/p"));
        clients.back().receive_line();
    }
    proxy.connect("c/p").wait_for_close();
    proxy.daemon().wait_for_match(
        "WARNING c/p: client 127.0.0.1:[0-9]+ refused: the port has reached max_connections");
    EXPECT_EQ(proxy.metric(refused("p", "port_full")), 1);
    EXPECT_EQ(proxy.connect("c/q").receive_line(), "b1");
    clients.pop_back();
    proxy.wait_for_metric("port_sessions_open{cluster=\"c\",port=\"p\"}", 1);
    EXPECT_EQ(proxy.connect("c/p").receive_line(), "b1");
}

TEST(Limits, MaxConnectionsOfABackendMeansTheNextMemberAndThenRefusal) {
    FakeCluster cluster(3);
    ProxyUnderTest proxy(
        config_top() +
        cluster.section("c", {{"r", "roles: [async], max_connections_per_backend: 2"},
                              {"any", "roles: [replica]"}}));
    // b2 and b3 are used by another port: that counts too.
    std::vector<TestClient> clients;
    for (int i = 0; i < 2; ++i)
        clients.push_back(proxy.connect("c/any"));
    cluster.backends[1]->wait_for_sessions(1);
    cluster.backends[2]->wait_for_sessions(1);
    for (int i = 0; i < 2; ++i) {
        clients.push_back(proxy.connect("c/r"));
        clients.back().receive_line();
    }
    cluster.backends[1]->wait_for_sessions(2);
    cluster.backends[2]->wait_for_sessions(2);
    proxy.connect("c/r").wait_for_close();
    proxy.daemon().wait_for_line(
        "no backends available: all reachable members have reached max_connections_per_backend "
        "(2)");
    EXPECT_EQ(proxy.metric(refused("r", "no_backend")), 1);
}

TEST(Limits, MaxConnectionsOfTheProcess) {
    FakeCluster cluster(1);
    ProxyUnderTest proxy("max_connections: 2\n" + cluster.config());
    TestClient first = proxy.connect("c/master");
    TestClient second = proxy.connect("c/any");
    first.receive_line();
    second.receive_line();
    proxy.connect("c/master").wait_for_close();
    proxy.daemon().wait_for_line("refused: the proxy has reached max_connections");
    EXPECT_EQ(proxy.metric(refused("master", "proxy_full")), 1);
    EXPECT_EQ(proxy.metric("sessions_max"), 2);
}

TEST(Limits, DescriptorsLimitTheProcessWhereTheFileDoesNot) {
    FakeCluster cluster(1);
    ProxyUnderTest proxy(cluster.config(), {.ulimit = "-n 300"});
    const double most = proxy.metric("sessions_max");
    EXPECT_EQ(most, (300 - 128 - 8) / 2);
    // Those many get in, and the next is refused for this and not for want of descriptors.
    std::vector<TestClient> clients;
    for (int i = 0; i < static_cast<int>(most); ++i) {
        clients.push_back(proxy.connect("c/master"));
        clients.back().receive_line();
    }
    proxy.connect("c/master").wait_for_close();
    proxy.daemon().wait_for_line("refused: the proxy has reached max_connections");
    EXPECT_EQ(proxy.daemon().output().find("Too many open files"), std::string::npos);
    // More than that is not promised either.
    proxy.reload("max_connections: 5000\n" + cluster.config());
    EXPECT_EQ(proxy.metric("sessions_max"), most);
    proxy.daemon().wait_for_line("WARNING max_connections of 5000 needs more descriptors");
}

TEST(Limits, ApiConnectionsLeaveTheClientsTheirDescriptors) {
    FakeCluster cluster(1);
    ProxyUnderTest proxy(cluster.config(), {.ulimit = "-n 300"});
    std::vector<TestClient> idle;
    for (int i = 0; i < 400; ++i)
        idle.emplace_back("127.0.0.1", proxy.port("HTTP API"));
    std::vector<TestClient> clients;
    for (int i = 0; i < (300 - 128 - 8) / 2; ++i) {
        clients.push_back(proxy.connect("c/master"));
        EXPECT_EQ(clients.back().receive_line(), "b1") << i;
    }
}

TEST(Limits, AllowRefusesOthers) {
    FakeCluster cluster(1);
    ProxyUnderTest proxy(
        config_top() +
        cluster.section("c", {{"p", "roles: [any], allow: [\"127.0.0.2\", \"10.0.0.0/8\"]"}}));
    proxy.connect("c/p").wait_for_close();
    proxy.daemon().wait_for_match(
        "c/p: client 127.0.0.1:[0-9]+ refused: the client's address is not allowed");
    EXPECT_EQ(proxy.metric(refused("p", "not_allowed")), 1);
    EXPECT_EQ(cluster.backends[0]->accepted(), 0U);
    proxy.reload(config_top() +
                 cluster.section("c", {{"p", "roles: [any], allow: [\"127.0.0.0/8\"]"}}));
    EXPECT_EQ(proxy.connect("c/p").receive_line(), "b1");
}

TEST(Limits, OutOfDescriptorsAcceptingPausesSaysSoOnceAndRecovers) {
    FakeCluster cluster(1);
    // To UBSan's check of vptrs every object is a wrong one meanwhile (CMakeLists.txt).
    ProxyUnderTest proxy(cluster.config(), {.environment = {{"UBSAN_OPTIONS", "halt_on_error=0"}}});
    TestClient session = proxy.connect("c/master");
    session.receive_line();
    rlimit usual{};
    ::prlimit(proxy.daemon().pid(), RLIMIT_NOFILE, nullptr, &usual);
    // Below every number that can become free meanwhile, such as that of a poll's connection.
    const rlimit none_left{STDERR_FILENO + 1, usual.rlim_max};
    for (int i = 0; i < 3; ++i) {
        ::prlimit(proxy.daemon().pid(), RLIMIT_NOFILE, &none_left, nullptr);
        TestClient waiting = proxy.connect("c/master");  // in the backlog
        if (i == 0)
            proxy.daemon().wait_for_line(
                "c/master: accepting pauses until there is room: Too many open files");
        session.send("hello\n");
        EXPECT_EQ(session.receive_line(), "hello");
        const auto until = support::Clock::now() + std::chrono::milliseconds(150);
        EXPECT_FALSE(support::wait_ready(waiting.fd(), POLLIN, until));
        ::prlimit(proxy.daemon().pid(), RLIMIT_NOFILE, &usual, nullptr);
        EXPECT_EQ(waiting.receive_line(), "b1");
    }
    std::size_t pauses = 0;
    for (const auto& line : proxy.daemon().lines())
        pauses += line.text.find("accepting pauses") != std::string::npos ? 1 : 0;
    EXPECT_EQ(pauses, 1U);
}

}  // namespace
