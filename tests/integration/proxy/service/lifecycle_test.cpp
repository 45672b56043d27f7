// From start to end, as signals and systemd want it.

#include <csignal>
#include <future>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"
#include "support/sockets/notify_socket.h"
#include "support/sockets/socket.h"

using support::Clock;
using support::NotifySocket;
using support::TestClient;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

namespace {

TEST(Lifecycle, StartWaitsForTheFirstAnswerBeforeItListens) {
    FakeCluster cluster(1);
    cluster.patronis[0]->hold("/cluster");
    NotifySocket manager;
    // Meanwhile it is not ready.
    auto start = std::async(std::launch::async, [&] {
        cluster.patronis[0]->wait_for_requests("/cluster", 1);
        const bool told = manager.told_within(std::chrono::milliseconds(300));
        cluster.patronis[0]->release("/cluster");
        return told;
    });
    const auto begin = Clock::now();
    ProxyUnderTest proxy(cluster.config(), {.environment = {{"NOTIFY_SOCKET", manager.path()}}});
    EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(300));
    EXPECT_FALSE(start.get());
    EXPECT_EQ(manager.next(), "READY=1");
    EXPECT_EQ(proxy.connect("c/master").receive_line(), "b1");
    EXPECT_THAT(proxy.daemon().output(), Not(HasSubstr("no backends")));
}

TEST(Lifecycle, StartWaitsOnlyBriefly) {
    FakeCluster cluster(1);
    cluster.patronis[0]->answer("/cluster", {.fault = support::Fault::stall});
    const auto begin = Clock::now();
    ProxyUnderTest proxy(cluster.config());
    EXPECT_LT(Clock::now() - begin, std::chrono::seconds(5));
    EXPECT_THAT(proxy.http("GET", "/ready"), StartsWith("HTTP/1.1 503"));
    proxy.connect("c/master").wait_for_close();
    proxy.daemon().wait_for_line("refused: no backends available: Patroni has not answered yet");
    cluster.lead_by(0);
    cluster.patronis[0]->release("/cluster");
    // Patroni has answered before its leader has proved itself: ready is not yet a leader.
    support::eventually(
        [&] { return proxy.http("GET", "/ready/c/master").starts_with("HTTP/1.1 200"); }, "ready");
    EXPECT_EQ(proxy.connect("c/master").receive_line(), "b1");
}

TEST(Lifecycle, DrainStopsListeningAndEndsWithTheLastSession) {
    FakeCluster cluster(1);
    ProxyUnderTest proxy(cluster.config());
    TestClient session = proxy.connect("c/master");
    session.receive_line();
    const auto port = proxy.port("c/master");
    proxy.daemon().signal(SIGUSR1);
    proxy.daemon().wait_for_line("draining: no new clients; 1 sessions");
    EXPECT_EQ(TestClient::connect_error("127.0.0.1", port), ECONNREFUSED);
    EXPECT_THAT(proxy.http("GET", "/ready"),
                testing::AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("draining")));
    EXPECT_THAT(proxy.http("GET", "/live"), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(proxy.metric("draining"), 1);
    session.send("hello\n");
    EXPECT_EQ(session.receive_line(), "hello");
    session.close();
    EXPECT_EQ(proxy.daemon().wait_for_exit().code, 0);
}

TEST(Lifecycle, DrainIsBoundedWhateverIsAskedMeanwhile) {
    FakeCluster cluster(1);
    const std::string config = config_top("drain_timeout: 600ms\n") +
                               cluster.section("c", {{"master", "roles: [leader]"}});
    ProxyUnderTest proxy(config);
    TestClient session = proxy.connect("c/master");
    session.receive_line();
    const auto port = proxy.port("c/master");
    const auto begin = Clock::now();
    proxy.daemon().signal(SIGUSR1);
    proxy.daemon().wait_for_line("draining");
    // Neither a reload nor a second SIGUSR1 restarts or cancels the drain.
    const std::size_t lines = proxy.daemon().mark();
    while (!session.closed_now() && Clock::now() - begin < std::chrono::seconds(5)) {
        proxy.daemon().signal(SIGUSR1);
        proxy.daemon().signal(SIGHUP);
        EXPECT_EQ(TestClient::connect_error("127.0.0.1", port), ECONNREFUSED);
        const auto next = Clock::now() + std::chrono::milliseconds(50);
        (void)support::wait_ready(session.fd(), POLLIN, next);
    }
    EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(600));
    EXPECT_LT(Clock::now() - begin, std::chrono::seconds(3));
    EXPECT_EQ(proxy.daemon().wait_for_exit().code, 0);
    const auto all = proxy.daemon().lines();
    for (std::size_t i = lines; i < all.size(); ++i)
        EXPECT_THAT(all[i].text, Not(HasSubstr("listening on")));
    session.wait_for_close();
}

TEST(Lifecycle, SigtermDrainsIfTheFileSaysSo) {
    FakeCluster cluster(1);
    ProxyUnderTest proxy(config_top("stop: drain\n") +
                         cluster.section("c", {{"master", "roles: [leader]"}}));
    TestClient session = proxy.connect("c/master");
    session.receive_line();
    const auto port = proxy.port("c/master");
    proxy.daemon().signal(SIGTERM);
    proxy.daemon().wait_for_line("stopping: sessions end once they are idle");
    EXPECT_EQ(TestClient::connect_error("127.0.0.1", port), ECONNREFUSED);
    EXPECT_THAT(proxy.http("GET", "/ready"), StartsWith("HTTP/1.1 503"));
    session.send("hello\n");
    EXPECT_EQ(session.receive_line(), "hello");
    // The second one means it.
    proxy.daemon().signal(SIGTERM);
    session.wait_for_close();
    EXPECT_EQ(proxy.daemon().wait_for_exit().code, 0);
}

TEST(Lifecycle, EveryOrderOfSignalsEndsCleanly) {
    FakeCluster cluster(1);
    for (const auto& signals : {std::vector{SIGINT, SIGUSR1},
                                {SIGINT, SIGTERM},
                                {SIGHUP, SIGTERM},
                                {SIGUSR1, SIGTERM},
                                {SIGHUP, SIGINT, SIGUSR1, SIGTERM}}) {
        ProxyUnderTest proxy(cluster.config());
        // All of them are there when it looks.
        proxy.daemon().signal(SIGSTOP);
        for (const int signal : signals)
            proxy.daemon().signal(signal);
        proxy.daemon().signal(SIGCONT);
        EXPECT_EQ(proxy.daemon().wait_for_exit(), (support::ExitStatus{.code = 0}));
    }
}

TEST(Lifecycle, EndingTellsEverySessionAndItsReason) {
    FakeCluster cluster(1);
    ProxyUnderTest proxy(cluster.config());
    TestClient session = proxy.connect("c/master");
    session.receive_line();
    session.send("hello\n");
    session.receive_line();
    proxy.daemon().signal(SIGTERM);
    session.wait_for_close();
    EXPECT_EQ(proxy.daemon().wait_for_exit().code, 0);
    EXPECT_THAT(proxy.daemon().output(),
                testing::ContainsRegex("c/master: session ended: .* member=b1 .*from_client=6"));
}

TEST(Lifecycle, ServiceManagerHearsOfStartReloadAndEnd) {
    FakeCluster cluster(1);
    NotifySocket manager;
    ProxyUnderTest proxy(cluster.config(), {.environment = {{"NOTIFY_SOCKET", manager.path()}}});
    EXPECT_EQ(manager.next(), "READY=1");
    proxy.reload();
    EXPECT_THAT(manager.next(), MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"));
    EXPECT_EQ(manager.next(), "READY=1");
    (void)proxy.failing_reload("typo");
    EXPECT_THAT(manager.next(), StartsWith("RELOADING=1"));
    EXPECT_EQ(manager.next(), "READY=1");
    TestClient session = proxy.connect("c/master");
    session.receive_line();
    proxy.daemon().signal(SIGUSR1);
    EXPECT_EQ(manager.next(), "STOPPING=1");
    // It is no longer ready, and must not say so.
    proxy.daemon().signal(SIGHUP);
    proxy.daemon().signal(SIGTERM);
    EXPECT_EQ(proxy.daemon().wait_for_exit().code, 0);
    EXPECT_EQ(manager.next(), "STOPPING=1");
}

TEST(Lifecycle, WatchdogHearsASignOfLifeAsLongAsEveryThreadAnswers) {
    FakeCluster cluster(1);
    for (const bool with_pid : {false, true}) {
        NotifySocket manager;
        ProxyStart start{
            .environment = {{"NOTIFY_SOCKET", manager.path()}, {"WATCHDOG_USEC", "200000"}}};
        // Ours is not the child's: systemd wants no sign of life from it then.
        if (with_pid)
            start.environment.emplace_back("WATCHDOG_PID", std::to_string(::getpid()));
        ProxyUnderTest proxy(cluster.config(), start);
        EXPECT_EQ(manager.next(), "READY=1");
        if (!with_pid)
            for (int i = 0; i < 5; ++i) {
                // A thread that one reload has started or ended must not be missed by the next two
                // signs of life: what is sent before a reload says nothing about it.
                proxy.reload(config_top() +
                             cluster.section(i % 2 == 0 ? "d" : "c", {{"p", "roles: [any]"}}));
                manager.forget();
                EXPECT_EQ(manager.next_sign_of_life(), "WATCHDOG=1") << i;
                EXPECT_EQ(manager.next_sign_of_life(), "WATCHDOG=1") << i;
            }
        proxy.daemon().signal(SIGTERM);
        EXPECT_EQ(proxy.daemon().wait_for_exit().code, 0);
        if (with_pid) {
            EXPECT_EQ(manager.next(), "STOPPING=1");
        }
    }
}

TEST(Lifecycle, TheWatchdogVouchesForThreadsAndNotForTheInterval) {
    FakeCluster cluster(1);
    NotifySocket manager;
    ProxyUnderTest proxy(cluster.config(), {.environment = {{"NOTIFY_SOCKET", manager.path()},
                                                            {"WATCHDOG_USEC", "200000"}}});
    // Three seconds: longer than it is in alert after its start.
    for (int i = 0; i < 30; ++i)
        ASSERT_EQ(manager.next_sign_of_life(), "WATCHDOG=1") << i;
}

}  // namespace
