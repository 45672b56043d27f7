// Clients that find no backend and wait for one.

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/proxy/logged.h"
#include "unit/proxy/port/port_server_fixture.h"
#include "unit/proxy/postgres/postgres_bytes.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using support::Closed;
using support::TestClient;
using testing::HasSubstr;

using PortQueueTest = PortServerTest;

TEST_F(PortQueueTest, AClientIsHeldUntilATableHasABackend) {
    ServedPort port(table_of({}), {.queue_timeout = 1h});
    auto client = held_client(port);
    client.send("startup packet");
    EXPECT_EQ(port.port().sessions, 1U) << "it counts as any other";
    EXPECT_EQ(port.process().open, 1U);
    EXPECT_EQ(port.troubles(), (std::vector<std::string>{"- refused"})) << "Patroni is asked soon";
    EXPECT_EQ(port.tally().held_time.total(), 0U) << "not yet known";
    EXPECT_TRUE(port.tally().oldest_held);
    port.use(table_of({b1_}));
    EXPECT_EQ(member_of(client), "b1");
    EXPECT_EQ(port.tally().held_time.total(), 1U);
    EXPECT_GT(port.tally().held_time.sum, 0);
    EXPECT_FALSE(port.tally().oldest_held);
    EXPECT_EQ(client.receive(14), "startup packet");
    EXPECT_EQ(port.port().queued, 0U);
    EXPECT_EQ(port.tally().queued_total, 1U);
}

TEST_F(PortQueueTest, OneTableServesHundredsOfHeldClients) {
    ServedPort port(table_of({}), {.queue_timeout = 1h});
    std::vector<TestClient> clients;
    for (int i = 0; i < 300; ++i)
        clients.push_back(port.connect());
    port.wait_for_queued(300);
    EXPECT_EQ(port.troubles(), (std::vector<std::string>{"- refused"})) << "one asks for all";
    // If they were asked first, the first to answer would get the most sessions.
    for (const auto& backend : {b1_, b2_, b3_})
        let_accept(backend);
    port.use(table_of({b1_, b2_, b3_}));
    for (auto& client : clients)
        EXPECT_NE(member_of(client), "");
    EXPECT_EQ(port.port().queued, 0U);
    wait_for_connections(b1_, 100);
}

TEST_F(PortQueueTest, FirstComeFirstServed) {
    ServedPort port(table_of({b1_}), {.queue_timeout = 1h, .max_connections_per_backend = 1});
    std::vector<TestClient> clients;
    clients.push_back(port.connect());
    EXPECT_EQ(member_of(clients.front()), "b1");
    for (int i = 0; i < 5; ++i)
        clients.push_back(held_client(port));
    for (std::size_t i = 1; i < clients.size(); ++i) {
        clients[i - 1].close();
        EXPECT_EQ(member_of(clients[i]), "b1") << i;
        for (std::size_t later = i + 1; later < clients.size(); ++later)
            EXPECT_FALSE(clients[later].closed_now());
        EXPECT_EQ(port.port().queued, clients.size() - 1 - i);
    }
}

TEST_F(PortQueueTest, ABackendThatAcceptsAgainServesThem) {
    fake(1).refuse();
    ServedPort port(table_of({b1_}), {.queue_timeout = 1h});
    auto first = held_client(port);
    auto second = held_client(port);
    fake(1).start();
    EXPECT_EQ(member_of(first), "b1");
    EXPECT_EQ(member_of(second), "b1");
}

TEST_F(PortQueueTest, ManyHeldClientsDoNotStormABackendThatRefuses) {
    fake(1).refuse();
    ServedPort port(table_of({b1_}), {.queue_timeout = 1h});
    std::vector<TestClient> clients;
    for (int i = 0; i < 200; ++i)
        clients.push_back(held_client(port));
    // None of them tries: the proxy itself asks, ten times a second.
    EXPECT_EQ(b1_->connections, 0U);
    EXPECT_EQ(port.tally().members.count("b1"), 0U);
    fake(1).start();
    for (auto& client : clients)
        EXPECT_EQ(member_of(client), "b1");
}

TEST_F(PortQueueTest, QueueTimeoutCountsFromTheAccept) {
    constexpr auto kTimeout = 300ms;
    ServedPort port(table_of({}), {.queue_timeout = kTimeout});
    const auto start = support::Clock::now();
    const auto log = logged_during([&] {
        auto client = port.connect();
        EXPECT_EQ(client.wait_for_close(), Closed::fin);
        port.wait_for_sessions(0);
    });
    EXPECT_GE(support::Clock::now() - start, kTimeout);
    EXPECT_THAT(log, testing::ContainsRegex(
                         "c/p: client 127.0.0.1:[0-9]+ refused: no backends available within "
                         "queue_timeout: after [0-9.]+ m?s: Patroni names no member"));
    EXPECT_EQ(port.refused(SessionEnd::queue_timeout), 1U);
    EXPECT_EQ(port.port().queued, 0U);
}

TEST_F(PortQueueTest, QueueTimeoutEndsThoseThatAreTryingToo) {
    ServedPort port(table_of({}), {.connect_timeout = 1h, .queue_timeout = 400ms});
    auto client = held_client(port);
    let_accept(hangs_);
    port.use(table_of({hangs_}));
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    EXPECT_EQ(port.refused(SessionEnd::queue_timeout), 1U);
    wait_for_connections(hangs_, 0);
}

TEST_F(PortQueueTest, ThoseThatAreTryingMoveOnWhenTheirBackendLeavesTheTable) {
    ServedPort port(table_of({}), {.connect_timeout = 1h, .queue_timeout = 1h});
    auto first = held_client(port);
    auto second = held_client(port);
    let_accept(hangs_);
    port.use(table_of({hangs_}));
    wait_for_connections(hangs_, 2);
    EXPECT_EQ(port.port().queued, 2U);
    port.use(table_of({b1_}));
    EXPECT_EQ(member_of(first), "b1");
    EXPECT_EQ(member_of(second), "b1");
    wait_for_connections(hangs_, 0);
}

TEST_F(PortQueueTest, OneMoreThanMaxQueuedIsRefused) {
    ServedPort port(table_of({}), {.queue_timeout = 1h, .max_queued = 2});
    std::vector<TestClient> clients;
    for (int i = 0; i < 2; ++i)
        clients.push_back(held_client(port));
    const auto log =
        logged_during([&] { EXPECT_EQ(port.connect().wait_for_close(), Closed::fin); });
    EXPECT_THAT(log,
                HasSubstr(" refused: max_queued clients are waiting already: Patroni names no"));
    EXPECT_EQ(port.refused(SessionEnd::queue_full), 1U);
    EXPECT_EQ(port.tally().queued_total, 2U);
    EXPECT_EQ(port.port().queued, 2U);
    port.use(table_of({b1_}));
    for (auto& client : clients)
        EXPECT_EQ(member_of(client), "b1");
}

TEST_F(PortQueueTest, AClientThatHasSentEverythingAndClosedItsHalfIsServed) {
    ServedPort port(table_of({}), {.queue_timeout = 1h});
    auto client = held_client(port);
    client.send("all of it");
    client.half_close();
    auto long_one = held_client(port);
    const std::string words(200'000, 'w');
    long_one.send(words);
    long_one.half_close();
    auto leaves = held_client(port);
    leaves.send(std::string("\0\0\0\x08\x04\xd2\x16\x2f", 8));  // SSLRequest
    leaves.close();
    port.wait_for_queued(2);
    port.use(table_of({b1_}));
    EXPECT_EQ(client.receive_to_eof(), "b1\nall of it");
    EXPECT_TRUE(long_one.receive_to_eof() == "b1\n" + words);
}

/// As with sslnegotiation=direct. It is not one that has said everything it had to say.
TEST_F(PortQueueTest, AClientThatSpeaksTlsAndClosesItsHalfHasLeft) {
    const std::string client_hello("\x16\x03\x01\x00\x20", 5);
    ServedPort port(table_of({}), {.queue_timeout = 1h});
    auto leaves = held_client(port);
    leaves.send(client_hello);
    auto stays = held_client(port);
    stays.send(client_hello);
    const auto log = logged_during([&] {
        leaves.half_close();
        port.wait_for_sessions(1);
    });
    EXPECT_THAT(log, HasSubstr("session ended: closed by the client: while it was held client="));
    EXPECT_EQ(leaves.wait_for_close(), Closed::fin);
    port.use(table_of({b1_}));
    EXPECT_EQ(member_of(stays), "b1");
    EXPECT_EQ(stays.receive(client_hello.size()), client_hello);
    EXPECT_EQ(fake(1).accepted(), 2U) << "this one, and the proxy itself that asked";
}

TEST_F(PortQueueTest, AClientThatLeavesFreesItsPlace) {
    ServedPort port(table_of({}), {.queue_timeout = 1h, .max_queued = 3});
    const auto log = logged_during([&] {
        auto fin = held_client(port);
        auto reset = held_client(port);
        auto stays = held_client(port);
        fin.half_close();
        port.wait_for_queued(2);
        reset.reset();
        port.wait_for_queued(1);
        port.wait_for_sessions(1);
        auto next = held_client(port);
        port.use(table_of({b1_}));
        EXPECT_EQ(member_of(stays), "b1");
        EXPECT_EQ(member_of(next), "b1");
    });
    EXPECT_THAT(log, HasSubstr("session ended: closed by the client: while it was held client="));
    EXPECT_THAT(log, HasSubstr("session ended: the client's connection broke: while it was held"));
    EXPECT_EQ(fake(1).accepted(), 3U) << "these two, and the proxy itself that asked";
}

TEST_F(PortQueueTest, ANewQueueTimeoutAppliesToHeldClients) {
    ServedPort port(table_of({}), {.queue_timeout = 1h});
    auto client = held_client(port);
    port.use({.queue_timeout = 2h});
    EXPECT_FALSE(client.closed_now());
    port.use(PortSettings{});
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    EXPECT_EQ(port.refused(SessionEnd::queue_timeout), 1U);
    EXPECT_EQ(port.connect().wait_for_close(), Closed::fin);
    EXPECT_EQ(port.refused(SessionEnd::no_backend), 1U);
}

TEST_F(PortQueueTest, AMemberThatHasLeftTheTableIsNotTried) {
    ServedPort port(table_of({b1_}), {.queue_timeout = 1h, .max_connections_per_backend = 1});
    auto on_b1 = port.connect();
    EXPECT_EQ(member_of(on_b1), "b1");
    auto held = held_client(port);
    // b1's session ends by this table, and its place there becomes free at the same time.
    port.use(table_of({b2_}));
    EXPECT_EQ(on_b1.wait_for_close(), Closed::fin);
    EXPECT_EQ(member_of(held), "b2");
    EXPECT_EQ(fake(1).accepted(), 2U) << "the first client, and the proxy itself that asked";
}

TEST_F(PortQueueTest, ASeatThatIsFreedOnAnotherWorkerIsTaken) {
    let_accept(b1_);
    const PortSettings settings{.queue_timeout = 1h, .max_connections_per_backend = 1};
    ServedPort one(table_of({b1_}), settings);
    ServedPort two(one, table_of({b1_}), settings);
    auto first = one.connect();
    EXPECT_EQ(member_of(first), "b1");
    auto second = held_client(two);
    auto third = held_client(one);
    EXPECT_EQ(b1_->connections, 1U);
    first.close();
    EXPECT_EQ(member_of(second), "b1") << "who came first, whatever its worker";
    EXPECT_EQ(b1_->connections, 1U);
    EXPECT_EQ(third.closed_now(), std::nullopt);
    second.close();
    EXPECT_EQ(member_of(third), "b1");
    EXPECT_EQ(b1_->connections, 1U);
}

TEST_F(PortQueueTest, ASeatThatIsFreedByAnotherPortIsTaken) {
    let_accept(b1_);
    const PortSettings settings{.queue_timeout = 1h, .max_connections_per_backend = 2};
    ServedPort one(table_of({b1_}), settings);
    ServedPort two(table_of({b1_}), settings);
    auto first = one.connect();
    EXPECT_EQ(member_of(first), "b1");
    auto second = two.connect();
    EXPECT_EQ(member_of(second), "b1");
    auto third = held_client(two);
    EXPECT_EQ(b1_->connections, 2U) << "the limit is the backend's, whichever port uses it";
    first.close();
    EXPECT_EQ(member_of(third), "b1");
    EXPECT_EQ(b1_->connections, 2U);
    expect_alive(second);
}

TEST_F(PortQueueTest, WorkersTogetherHoldNoMoreThanMaxQueued) {
    const PortSettings settings{.queue_timeout = 1h, .max_queued = 2};
    ServedPort one(table_of({}), settings);
    ServedPort two(one, table_of({}), settings);
    auto first = held_client(one);
    auto second = held_client(two);
    EXPECT_EQ(one.connect().wait_for_close(), Closed::fin);
    EXPECT_EQ(two.connect().wait_for_close(), Closed::fin);
    EXPECT_EQ(one.refused(SessionEnd::queue_full), 1U);
    EXPECT_EQ(two.refused(SessionEnd::queue_full), 1U);
    EXPECT_EQ(one.port().queued, 2U);
}

TEST_F(PortQueueTest, EndsWithItsPort) {
    ServedPort port(table_of({}), {.queue_timeout = 1h});
    auto client = held_client(port);
    port.end_sessions(SessionEnd::proxy_stopped);
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    EXPECT_EQ(port.port().queued, 0U);
}

TEST_F(PortQueueTest, AHeldPortLetsClientsWaitUntilItIsReleased) {
    ServedPort port(table_of({b1_}), {.held = "held by uid 0"});
    auto first = held_client(port);
    auto second = held_client(port);
    port.use(table_of({b1_, b2_}));  // a table is no release
    EXPECT_EQ(port.port().queued, 2U);
    port.use(PortSettings{.hold_ended = std::chrono::steady_clock::now()});
    EXPECT_NE(member_of(first), "");
    EXPECT_NE(member_of(second), "");
    EXPECT_EQ(port.port().queued, 0U);
}

TEST_F(PortQueueTest, AHoldLeavesSessionsAlone) {
    ServedPort port(table_of({b1_}));
    auto session = port.connect();
    EXPECT_EQ(member_of(session), "b1");
    port.use(PortSettings{.held = "held by uid 0"});
    expect_alive(session);
}

TEST_F(PortQueueTest, AHeldPortRefusesOnlyThoseBeyondMaxQueued) {
    ServedPort port(
        table_of({b1_}),
        {.max_queued = 1, .no_backend = NoBackend::postgres_error, .held = "held by uid 0"});
    auto first = held_client(port);
    auto second = port.connect();
    second.send(startup_packet());
    EXPECT_THAT(second.receive_to_eof(), HasSubstr("the port is held by uid 0"));
    EXPECT_EQ(port.port().queued, 1U);
}

}  // namespace
}  // namespace proxy
