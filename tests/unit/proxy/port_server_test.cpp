#include "patroni_proxy/port_server.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "served_port.h"

namespace proxy {
namespace {

using support::BackendOptions;
using support::Closed;
using support::FakeBackend;
using support::TestClient;

/// Three members, b1 to b3, and a backend for each.
class PortServerTest : public testing::Test {
  protected:
    FakeBackend& fake(std::size_t number) { return *fakes_[number - 1]; }

    std::vector<std::unique_ptr<FakeBackend>> fakes_ = FakeBackend::on_one_port(3);
    BackendPtr b1_ = backend_for(fake(1));
    BackendPtr b2_ = backend_for(fake(2));
    BackendPtr b3_ = backend_for(fake(3));
};

/// A session that is up, by the name of the member it is on.
std::string member_of(TestClient& client) {
    return client.receive_line();
}

void expect_alive(TestClient& client) {
    client.send("ping");
    EXPECT_EQ(client.receive(4), "ping");
}

TEST_F(PortServerTest, SpreadsSessionsEvenlyOverItsBackends) {
    const ServedPort port(table_of({b1_, b2_, b3_}));
    std::vector<TestClient> clients;
    std::map<std::string, int> sessions;
    for (int i = 0; i < 30; ++i) {
        clients.push_back(port.connect());
        ++sessions[member_of(clients.back())];
    }
    EXPECT_EQ(sessions, (std::map<std::string, int>{{"b1", 10}, {"b2", 10}, {"b3", 10}}));
}

TEST_F(PortServerTest, SessionsOneAfterTheOtherTakeTheBackendsInTurn) {
    const ServedPort port(table_of({b1_, b2_, b3_}));
    std::map<std::string, int> sessions;
    for (int i = 0; i < 6; ++i) {
        auto client = port.connect();
        ++sessions[member_of(client)];
        client.half_close();
        port.wait_for_sessions(0);
    }
    EXPECT_EQ(sessions, (std::map<std::string, int>{{"b1", 2}, {"b2", 2}, {"b3", 2}}));
}

TEST_F(PortServerTest, ANewTableServesTheNextSession) {
    ServedPort port(table_of({b1_}));
    auto before = port.connect();
    EXPECT_EQ(member_of(before), "b1");
    port.use(table_of({b2_}));
    auto after = port.connect();
    EXPECT_EQ(member_of(after), "b2");
}

TEST_F(PortServerTest, ANewTableCutsTheSessionsOfMembersThatAreGoneAndNoOthers) {
    ServedPort port(table_of({b1_, b2_}));
    auto first = port.connect();
    auto second = port.connect();
    auto& on_b1 = member_of(first) == "b1" ? first : second;
    auto& on_b2 = &on_b1 == &first ? second : first;
    EXPECT_EQ(&on_b1 == &first ? member_of(second) : "b2", "b2");

    port.use(table_of({b2_, b3_}));
    EXPECT_EQ(on_b1.wait_for_close(), Closed::fin);
    // A reset spares the member queries that nobody waits for.
    fake(1).wait_for_resets(1);
    expect_alive(on_b2);
    EXPECT_EQ(b1_->connections, 0U);
    EXPECT_EQ(b2_->connections, 1U);
    port.wait_for_sessions(1);
}

TEST_F(PortServerTest, ASwapCutsAllSessionsOfAMemberWhereverTheyStand) {
    ServedPort port(table_of({b1_, b2_, b3_}));
    std::vector<TestClient> gone;
    std::vector<TestClient> kept;
    for (int i = 0; i < 60; ++i) {
        auto client = port.connect();
        (member_of(client) == "b2" ? gone : kept).push_back(std::move(client));
    }
    ASSERT_EQ(gone.size(), 20U);
    port.use(table_of({b3_, b1_}));
    for (auto& client : gone)
        EXPECT_EQ(client.wait_for_close(), Closed::fin);
    for (auto& client : kept)
        expect_alive(client);
    port.wait_for_sessions(40);
    EXPECT_EQ(b2_->connections, 0U);
    // Those that have changed places end each for itself, and none is lost from sight.
    for (std::size_t left = 40; left > 20; kept.erase(kept.begin())) {
        expect_alive(kept.front());
        kept.front().half_close();
        EXPECT_EQ(kept.front().wait_for_close(), Closed::fin);
        port.wait_for_sessions(--left);
    }
    port.use(table_of({}));
    for (auto& client : kept)
        EXPECT_EQ(client.wait_for_close(), Closed::fin);
    port.wait_for_sessions(0);
    EXPECT_EQ(b1_->connections, 0U);
    EXPECT_EQ(b3_->connections, 0U);
}

TEST_F(PortServerTest, ASessionStaysWhileItsMemberDoesInEveryNewTable) {
    ServedPort port(table_of({b1_}));
    auto client = port.connect();
    EXPECT_EQ(member_of(client), "b1");
    for (const auto& table : {table_of({b1_}), table_of({b2_, b1_}), table_of({b1_, b3_})})
        port.use(table);
    expect_alive(client);
    EXPECT_EQ(b1_->connections, 1U);
}

TEST_F(PortServerTest, CountsSurviveANewTable) {
    ServedPort port(table_of({b1_}));
    auto first = port.connect();
    EXPECT_EQ(member_of(first), "b1");
    // b1 comes first in turn, but has a session already.
    for (int i = 0; i < 3; ++i) {
        port.use(table_of({b1_, b2_}));
        auto next = port.connect();
        EXPECT_EQ(member_of(next), "b2");
        next.half_close();
        port.wait_for_sessions(1);
    }
}

TEST_F(PortServerTest, AnEmptyTableCutsEverySession) {
    ServedPort port(table_of({b1_, b2_}));
    auto first = port.connect();
    auto second = port.connect();
    (void)member_of(first);
    (void)member_of(second);
    port.use(table_of({}));
    EXPECT_EQ(first.wait_for_close(), Closed::fin);
    EXPECT_EQ(second.wait_for_close(), Closed::fin);
    EXPECT_EQ(port.connect().wait_for_close(), Closed::fin);
    port.wait_for_sessions(0);
}

TEST_F(PortServerTest, AMemberThatMovedIsAnotherBackend) {
    ServedPort port(table_of({b1_}));
    auto client = port.connect();
    EXPECT_EQ(member_of(client), "b1");
    const BackendPtr moved(new Backend{"b1", b2_->address});
    port.use(table_of({moved}));
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    auto next = port.connect();
    EXPECT_EQ(member_of(next), "b2");
}

TEST_F(PortServerTest, ASwapTurnsASessionThatIsStillConnectingToTheNextBackend) {
    const FakeBackend silent({.accept = BackendOptions::Accept::never});
    const auto backend = backend_for(silent);
    ServedPort port(table_of({backend}));
    auto client = port.connect();
    wait_for_connections(backend, 1);
    port.use(table_of({b1_}));
    EXPECT_EQ(member_of(client), "b1");
    EXPECT_EQ(backend->connections, 0U);
}

TEST_F(PortServerTest, ASwapEndsASessionThatIsStillConnectingWhereNoBackendIsLeft) {
    const FakeBackend silent({.accept = BackendOptions::Accept::never});
    const auto backend = backend_for(silent);
    ServedPort port(table_of({backend}));
    auto client = port.connect();
    wait_for_connections(backend, 1);
    port.use(table_of({}));
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    EXPECT_EQ(backend->connections, 0U);
    port.wait_for_sessions(0);
}

TEST_F(PortServerTest, ASwapLeavesASessionThatIsConnectingToAMemberThatStays) {
    const FakeBackend silent({.accept = BackendOptions::Accept::never});
    const auto backend = backend_for(silent);
    ServedPort port(table_of({backend}));
    auto client = port.connect();
    wait_for_connections(backend, 1);
    port.use(table_of({b1_, backend}));
    EXPECT_EQ(backend->connections, 1U);
    EXPECT_EQ(client.closed_now(), std::nullopt);
}

TEST_F(PortServerTest, SessionsEndWithThePort) {
    std::optional<ServedPort> port(std::in_place, table_of({b1_}));
    auto client = port->connect();
    EXPECT_EQ(member_of(client), "b1");
    port.reset();
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    fake(1).wait_for_resets(1);
    EXPECT_EQ(b1_->connections, 0U);
}

}  // namespace
}  // namespace proxy
