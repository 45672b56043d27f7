// Which clients a port admits, how many, and for how long.

#include <chrono>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni_proxy/port/port_server.h"
#include "unit/proxy/logged.h"
#include "unit/proxy/port/port_server_fixture.h"
#include "unit/proxy/postgres/postgres_bytes.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using support::Closed;
using support::FakeBackend;
using support::TestClient;
using testing::HasSubstr;

class PortLimitsTest : public PortServerTest {
  protected:
    static void expect_refused(const ServedPort& port) {
        auto client = port.connect();
        client.send(startup_packet());  // no cancel request, for which it would be heard
        (void)client.wait_for_close();
    }
};

net::Network network(const std::string& text) {
    return net::Network::parse(text).value();
}

TEST_F(PortLimitsTest, OnlyAllowedClientsAreAdmitted) {
    ServedPort port(table_of({b1_}), {.allow = {network("10.0.0.0/8"), network("::1")}});
    const auto log = logged_during([&] {
        for (int i = 0; i < 3; ++i)
            expect_refused(port);
    });
    EXPECT_EQ(count_of("c/p: client 127.0.0.1:", log), 1U) << "of many the first is told: " << log;
    EXPECT_THAT(log, HasSubstr(" refused: the client's address is not allowed"));
    EXPECT_EQ(port.refused(SessionEnd::not_allowed), 3U);
    EXPECT_EQ(fake(1).accepted(), 0U);
    EXPECT_EQ(port.process().open, 0U);
    EXPECT_EQ(port.port().sessions, 0U);
    port.use({.allow = {network("10.0.0.0/8"), network("127.0.0.0/8")}});
    auto client = port.connect();
    EXPECT_EQ(member_of(client), "b1");
    // Who is in stays in.
    port.use({.allow = {network("10.0.0.0/8")}});
    expect_alive(client);
    expect_refused(port);
}

TEST_F(PortLimitsTest, OneMoreThanMaxConnectionsIsRefused) {
    ServedPort port(table_of({b1_}), {.max_connections = 2});
    std::vector<TestClient> clients;
    for (int i = 0; i < 2; ++i) {
        clients.push_back(port.connect());
        EXPECT_EQ(member_of(clients.back()), "b1");
    }
    expect_refused(port);
    expect_refused(port);
    EXPECT_EQ(port.refused(SessionEnd::port_full), 2U);
    EXPECT_EQ(port.port().sessions, 2U);
    clients.pop_back();
    port.wait_for_sessions(1);
    clients.push_back(port.connect());
    EXPECT_EQ(member_of(clients.back()), "b1");
    // A lower limit ends nobody's session.
    port.use({.max_connections = 1});
    for (auto& client : clients)
        expect_alive(client);
    expect_refused(port);
    port.use(PortSettings{});
    EXPECT_EQ(port.connect().receive_line(), "b1");
}

TEST_F(PortLimitsTest, TheProcessLimitAppliesToEveryPort) {
    ServedPort port(table_of({b1_}));
    port.process().max_places = 2;
    ASSERT_TRUE(port.process().places.take(0));  // another port has it
    auto client = port.connect();
    EXPECT_EQ(member_of(client), "b1");
    expect_refused(port);
    EXPECT_EQ(port.refused(SessionEnd::proxy_full), 1U);
    EXPECT_EQ(port.process().places.taken(), 2U);
    client.close();
    port.wait_for_sessions(0);
    EXPECT_EQ(port.connect().receive_line(), "b1");
}

TEST_F(PortLimitsTest, BeyondTheDescriptorsNobodyIsHeard) {
    ServedPort port(table_of({b1_}), {.queue_timeout = 1h});
    port.process().max_open = 5;
    port.process().open = 4;  // other ports have them
    auto client = port.connect();
    EXPECT_EQ(member_of(client), "b1");
    EXPECT_EQ(port.connect().wait_for_close(), Closed::fin);
    EXPECT_EQ(port.refused(SessionEnd::proxy_full), 1U);
    EXPECT_EQ(port.process().open, 5U);
    client.close();
    port.wait_for_sessions(0);
    EXPECT_EQ(port.connect().receive_line(), "b1");
}

TEST_F(PortLimitsTest, TheNextClientOfAFullBackendGoesToAnother) {
    ServedPort port(table_of({b1_, b2_, b3_}), {.max_connections_per_backend = 2});
    std::vector<TestClient> clients;
    std::multiset<std::string> members;
    for (int i = 0; i < 6; ++i) {
        clients.push_back(port.connect());
        members.insert(member_of(clients.back()));
    }
    EXPECT_EQ(members, (std::multiset<std::string>{"b1", "b1", "b2", "b2", "b3", "b3"}));
    const auto log = logged_during([&] { expect_refused(port); });
    EXPECT_THAT(log, HasSubstr("refused: no backends available: all reachable members "
                               "have reached max_connections_per_backend (2)"));
    EXPECT_EQ(port.refused(SessionEnd::no_backend), 1U);
    EXPECT_EQ(b1_->connections, 2U) << "who only looked is not counted";
    EXPECT_EQ(port.tally().members.at("b1").sessions, 2U);
    EXPECT_TRUE(port.troubles().empty()) << "full is no trouble";
    clients.pop_back();
    port.wait_for_sessions(5);
    EXPECT_NE(port.connect().receive_line(), "");
}

TEST_F(PortLimitsTest, WithoutAQueueAClientBeyondTheRateIsRefused) {
    b1_->paid_until = std::numeric_limits<std::int64_t>::max() / 2;
    ServedPort port(table_of({b1_}), {.max_connect_rate = 1});
    const auto log = logged_during([&] { expect_refused(port); });
    EXPECT_THAT(log, HasSubstr("refused: no backends available: all reachable members have reached "
                               "max_connect_rate (1/s)"));
}

TEST_F(PortLimitsTest, TheLimitHoldsWhenOneBackendRefuses) {
    fake(1).refuse();
    b2_->connections = 3;
    b3_->connections = 2;
    ServedPort port(table_of({b1_, b2_, b3_}), {.max_connections_per_backend = 3});
    auto client = port.connect();
    EXPECT_EQ(member_of(client), "b3");
    expect_refused(port);
    EXPECT_EQ(b2_->connections, 3U);
    EXPECT_EQ(b3_->connections, 3U);
    EXPECT_EQ(port.tally().members.at("b1").connect_failures, 2U);
}

TEST_F(PortLimitsTest, AConnectThatTakesTooLongMovesOnToTheNextBackend) {
    b2_->connections = 10;
    ServedPort port(table_of({hangs_, b2_}), {.connect_timeout = 20ms});
    auto client = port.connect();
    EXPECT_EQ(member_of(client), "b2");
    EXPECT_EQ(port.tally().members.at("silent").connect_failures, 1U);
    EXPECT_EQ(port.troubles(), (std::vector<std::string>{"silent refused"}));
}

TEST_F(PortLimitsTest, AnIdleSessionEndsAndABusyOneStays) {
    ServedPort port(table_of({b1_}), {.idle_timeout = 3s});
    auto busy = port.connect();
    auto idle = port.connect();
    EXPECT_EQ(member_of(busy), "b1");
    EXPECT_EQ(member_of(idle), "b1");
    support::eventually(
        [&] {
            expect_alive(busy);
            return idle.closed_now().has_value();
        },
        "the idle session to end");
    EXPECT_EQ(idle.wait_for_close(), Closed::fin);
    fake(1).wait_for_resets(1);
    expect_alive(busy);
    port.wait_for_sessions(1);
    EXPECT_EQ(
        port.tally().members.at("b1").ended[static_cast<std::size_t>(SessionEnd::idle_timeout)],
        1U);
}

TEST_F(PortLimitsTest, ASessionThatNeverMovedAByteHasTheWholeTimeout) {
    const FakeBackend mute({.name = "mute", .greeting = false});
    constexpr auto kTimeout = 400ms;
    const ServedPort port(table_of({backend_for(mute)}), {.idle_timeout = kTimeout});
    const auto start = support::Clock::now();
    EXPECT_EQ(port.connect().wait_for_close(), Closed::fin);
    EXPECT_GE(support::Clock::now() - start, kTimeout);
}

TEST_F(PortLimitsTest, ANewIdleTimeoutAppliesToExistingSessions) {
    ServedPort port(table_of({b1_}));
    auto client = port.connect();
    EXPECT_EQ(member_of(client), "b1");
    port.use({.idle_timeout = 20ms});
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    port.wait_for_sessions(0);
    port.use(PortSettings{});
    auto another = port.connect();
    EXPECT_EQ(member_of(another), "b1");
    expect_alive(another);
}

TEST_F(PortLimitsTest, TheShortestIdleTimeoutDoesNotKeepTheLoopBusy) {
    ServedPort port(table_of({b1_}));
    auto client = port.connect();
    EXPECT_EQ(member_of(client), "b1");
    port.use({.idle_timeout = 1ms});
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
}

TEST_F(PortLimitsTest, AConnectingSessionIsNotIdle) {
    b2_->connections = 10;
    const ServedPort port(table_of({hangs_, b2_}),
                          {.connect_timeout = 200ms, .idle_timeout = 100ms});
    const auto client = port.connect();
    // Its greeting may come so late that the session is idle by then.
    fake(2).wait_for_accepted(1);
}

}  // namespace
}  // namespace proxy
