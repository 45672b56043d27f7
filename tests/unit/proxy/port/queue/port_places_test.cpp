// Clients of a port, a backend or a proxy that is full, and wait for a place.

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/proxy/port/port_server_fixture.h"
#include "unit/proxy/postgres/postgres_bytes.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using support::TestClient;
using testing::HasSubstr;

using PortPlacesTest = PortServerTest;

TEST_F(PortPlacesTest, AClientOfAFullPortIsHeldUntilAPlaceIsFree) {
    ServedPort port(table_of({b1_, b2_}), {.queue_timeout = 1h, .max_connections = 2});
    std::vector<TestClient> clients;
    for (int i = 0; i < 2; ++i) {
        clients.push_back(port.connect());
        EXPECT_NE(member_of(clients.back()), "");
    }
    for (int i = 0; i < 3; ++i)
        clients.push_back(held_client(port));
    EXPECT_EQ(port.port().shortage, Shortage::port);
    EXPECT_TRUE(port.troubles().empty()) << "full is no trouble";
    for (std::size_t i = 2; i < clients.size(); ++i) {
        EXPECT_FALSE(clients[i].closed_now());
        clients[i - 2].close();
        EXPECT_NE(member_of(clients[i]), "") << i;
        EXPECT_EQ(port.port().places.taken(), 2U);
        EXPECT_EQ(port.port().queued, clients.size() - 1 - i);
    }
    EXPECT_EQ(port.port().shortage, Shortage::none);
    EXPECT_EQ(port.refused(SessionEnd::port_full), 0U);
}

TEST_F(PortPlacesTest, HeldClientsTakeNoPlace) {
    ServedPort port(table_of({}), {.queue_timeout = 1h, .max_connections = 1});
    auto first = held_client(port);
    auto second = held_client(port);
    auto third = held_client(port);
    EXPECT_EQ(port.port().places.taken(), 0U);
    port.use(table_of({b1_}));
    EXPECT_EQ(member_of(first), "b1");
    port.wait_for_queued(2);
    second.close();  // it leaves the queue, and frees nothing
    port.wait_for_queued(1);
    EXPECT_FALSE(third.closed_now());
    EXPECT_EQ(port.port().places.taken(), 1U);
    first.close();
    EXPECT_EQ(member_of(third), "b1");
}

TEST_F(PortPlacesTest, AHigherLimitServesThoseWhoWait) {
    ServedPort port(table_of({b1_}), {.queue_timeout = 1h, .max_connections = 1});
    auto first = port.connect();
    EXPECT_EQ(member_of(first), "b1");
    auto second = held_client(port);
    auto third = held_client(port);
    port.use({.queue_timeout = 1h, .max_connections = 2});
    EXPECT_EQ(member_of(second), "b1");
    port.wait_for_queued(1);
    port.use({.queue_timeout = 1h});
    EXPECT_EQ(member_of(third), "b1");
}

TEST_F(PortPlacesTest, TheLimitOfTheProxyHoldsClientsToo) {
    ServedPort port(table_of({b1_}), {.queue_timeout = 1h});
    port.process().max_places = 1;
    auto first = port.connect();
    EXPECT_EQ(member_of(first), "b1");
    auto second = held_client(port);
    EXPECT_EQ(port.port().shortage, Shortage::proxy);
    first.close();
    EXPECT_EQ(member_of(second), "b1");
}

TEST_F(PortPlacesTest, AnOperatorsCapHoldsClientsToo) {
    let_accept(b1_);
    b1_->cap = 1;
    ServedPort port(table_of({b1_}), {.queue_timeout = 1h});
    auto first = port.connect();
    EXPECT_EQ(member_of(first), "b1");
    auto second = held_client(port);
    auto third = held_client(port);
    EXPECT_EQ(port.port().shortage, Shortage::caps);
    first.close();
    EXPECT_EQ(member_of(second), "b1");
    b1_->cap = UINT32_MAX;
    EXPECT_EQ(member_of(third), "b1");
}

TEST_F(PortPlacesTest, WhoIsHeldForAPlaceIsToldSoWhenItsTimeIsOver) {
    ServedPort port(
        table_of({b1_}),
        {.queue_timeout = 300ms, .max_connections = 1, .no_backend = NoBackend::postgres_error});
    auto on_b1 = port.connect();
    EXPECT_EQ(member_of(on_b1), "b1");
    auto first = held_client(port);
    auto second = held_client(port);  // never the first, so that it never tries
    for (auto* client : {&first, &second}) {
        client->send(startup_packet());
        const Answer answer = read_answer(client->receive_to_eof());
        EXPECT_EQ(answer.sqlstate, kTooManyConnections);
        EXPECT_THAT(answer.message, HasSubstr("the port has reached max_connections (1)"));
    }
    EXPECT_EQ(port.refused(SessionEnd::queue_timeout), 2U);
    expect_alive(on_b1);
}

TEST_F(PortPlacesTest, AFullPortOfAllWorkersServesWhoCameFirst) {
    let_accept(b1_);
    const PortSettings settings{.queue_timeout = 1h, .max_connections = 1};
    ServedPort one(table_of({b1_}), settings);
    ServedPort two(one, table_of({b1_}), settings);
    auto session = one.connect();
    EXPECT_EQ(member_of(session), "b1");
    // On both workers by turns, and it is the other one whose session ends.
    std::vector<TestClient> clients;
    for (int i = 0; i < 6; ++i)
        clients.push_back(held_client(i % 2 == 0 ? two : one));
    for (std::size_t i = 0; i < clients.size(); ++i) {
        session.close();
        EXPECT_EQ(member_of(clients[i]), "b1") << i;
        EXPECT_EQ(one.port().queued, clients.size() - 1 - i);
        session = std::move(clients[i]);
    }
}

TEST_F(PortPlacesTest, TheFirstPlaceIsForWhoCameFirstWhicheverWorkerHearsOfALeaderFirst) {
    let_accept(b1_);
    const PortSettings settings{.queue_timeout = 1h, .max_connections = 1};
    ServedPort one(table_of({}), settings);
    ServedPort two(one, table_of({}), settings);
    auto first = held_client(one);
    auto second = held_client(two);
    two.use(table_of({b1_}));
    two.use(table_of({b1_}));  // its clients have had a turn by then
    one.use(table_of({b1_}));
    EXPECT_EQ(member_of(first), "b1");
    first.close();
    EXPECT_EQ(member_of(second), "b1");
}

TEST_F(PortPlacesTest, NobodyOvertakesThoseWhoWaitOnAnotherWorker) {
    let_accept(b1_);
    const PortSettings settings{.queue_timeout = 1h, .max_connections = 1};
    ServedPort one(table_of({b1_}), settings);
    ServedPort two(one, table_of({b1_}), settings);
    auto session = one.connect();
    EXPECT_EQ(member_of(session), "b1");
    for (int i = 0; i < 20; ++i) {
        auto waits = held_client(two);
        session.close();
        auto newcomer = one.connect();
        EXPECT_EQ(member_of(waits), "b1");
        EXPECT_EQ(newcomer.closed_now(), std::nullopt);
        waits.close();
        EXPECT_EQ(member_of(newcomer), "b1");
        session = std::move(newcomer);
    }
}

}  // namespace
}  // namespace proxy
