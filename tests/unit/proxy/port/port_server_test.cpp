#include "patroni_proxy/port/port_server.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "port_server_fixture.h"

namespace proxy {
namespace {

using support::Closed;
using support::TestClient;

std::uint64_t ended(const PortTally& tally, const std::string& member, SessionEnd end) {
    return tally.members.at(member).ended[static_cast<std::size_t>(end)];
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

TEST_F(PortServerTest, ANewTableCutsAllSessionsOfAMemberWhereverTheyAreInTheList) {
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

TEST_F(PortServerTest, ASessionStaysWhileItsMemberIsInTheTable) {
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

TEST_F(PortServerTest, ANewTableTurnsAConnectingSessionToTheNextBackend) {
    ServedPort port(table_of({hangs_}));
    auto client = port.connect();
    wait_for_connections(hangs_, 1);
    port.use(table_of({b1_}));
    EXPECT_EQ(member_of(client), "b1");
    EXPECT_EQ(hangs_->connections, 0U);
}

TEST_F(PortServerTest, ANewTableWithoutBackendsEndsAConnectingSession) {
    ServedPort port(table_of({hangs_}));
    auto client = port.connect();
    wait_for_connections(hangs_, 1);
    port.use(table_of({}));
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    EXPECT_EQ(hangs_->connections, 0U);
    port.wait_for_sessions(0);
}

TEST_F(PortServerTest, ANewTableLeavesASessionThatConnectsToAMemberThatStays) {
    ServedPort port(table_of({hangs_}));
    auto client = port.connect();
    wait_for_connections(hangs_, 1);
    port.use(table_of({b1_, hangs_}));
    EXPECT_EQ(hangs_->connections, 1U);
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

TEST_F(PortServerTest, EndSessionsEndsRelayingAndConnectingOnes) {
    ServedPort port(table_of({b1_}));
    auto first = port.connect();
    EXPECT_EQ(member_of(first), "b1");
    port.use(table_of({b1_, hangs_}));
    auto second = port.connect();
    wait_for_connections(hangs_, 1);

    port.end_sessions(SessionEnd::port_removed);
    EXPECT_EQ(first.wait_for_close(), Closed::fin);
    EXPECT_EQ(second.wait_for_close(), Closed::fin);
    fake(1).wait_for_resets(1);
    port.wait_for_sessions(0);
    EXPECT_EQ(b1_->connections, 0U);
    EXPECT_EQ(hangs_->connections, 0U);
    const auto tally = port.tally();
    EXPECT_EQ(ended(tally, "b1", SessionEnd::port_removed), 1U);
    EXPECT_EQ(ended(tally, "silent", SessionEnd::port_removed), 1U);
    EXPECT_EQ(tally.members.at("silent").sessions_total, 0U) << "it never began";
    EXPECT_EQ(tally.members.at("silent").connect_time.total(), 0U);
    EXPECT_EQ(tally.session_time.total(), 1U);
    // The port itself goes on.
    port.use(table_of({b1_}));
    auto third = port.connect();
    EXPECT_EQ(member_of(third), "b1");
}

TEST_F(PortServerTest, CountsSessionsAndBytesOfRunningAndEndedSessions) {
    ServedPort port(table_of({b1_}));
    EXPECT_TRUE(port.tally().members.empty());
    auto running = port.connect();
    auto other = port.connect();
    for (auto* client : {&running, &other}) {
        EXPECT_EQ(member_of(*client), "b1");  // "b1\n" from the backend
        expect_alive(*client);                // "ping" both ways
    }
    const auto count = [&] { return port.tally().members.at("b1"); };
    EXPECT_EQ(count().sessions, 2U);
    EXPECT_EQ(count().sessions_total, 2U);
    EXPECT_EQ(count().bytes_from_client, 8U);
    EXPECT_EQ(count().bytes_from_backend, 14U);

    other.half_close();
    EXPECT_EQ(other.wait_for_close(), Closed::fin);
    port.wait_for_sessions(1);
    EXPECT_EQ(count().sessions, 1U);
    EXPECT_EQ(count().sessions_total, 2U);
    EXPECT_EQ(count().bytes_from_client, 8U);
    EXPECT_EQ(count().bytes_from_backend, 14U);
    EXPECT_EQ(count().ended[static_cast<std::size_t>(SessionEnd::client_closed)], 1U);
    EXPECT_EQ(count().connect_failures, 0U);
    EXPECT_EQ(count().connect_time.total(), 2U);
    EXPECT_EQ(port.tally().session_time.total(), 1U) << "the other one has not ended";
    EXPECT_EQ(port.tally().held_time.total(), 0U);
}

TEST_F(PortServerTest, CountsHowSessionsEnded) {
    ServedPort port(table_of({b1_}));
    const auto end_by = [&](const auto& how) {
        auto client = port.connect();
        EXPECT_EQ(member_of(client), "b1");
        how(client);
        port.wait_for_sessions(0);
    };
    end_by([](TestClient& client) { client.half_close(); });
    end_by([](TestClient& client) { client.reset(); });
    end_by([&](TestClient& client) {
        fake(1).half_close_all();
        (void)client.receive_to_eof();
        client.close();
    });
    end_by([&](TestClient& client) {
        fake(1).reset_all();
        (void)client.wait_for_close();
    });
    end_by([&](TestClient& client) {
        port.use(table_of({}));
        (void)client.wait_for_close();
        port.use(table_of({b1_}));
    });
    const auto tally = port.tally();
    for (const auto end :
         {SessionEnd::client_closed, SessionEnd::client_failed, SessionEnd::backend_closed,
          SessionEnd::backend_failed, SessionEnd::member_out})
        EXPECT_EQ(ended(tally, "b1", end), 1U) << name_of(end);
    EXPECT_EQ(tally.members.at("b1").sessions_total, 5U);
    EXPECT_EQ(tally.members.at("b1").sessions, 0U);
}

TEST_F(PortServerTest, CountsFailedConnectsAndClientsWithoutABackend) {
    fake(1).refuse();
    b2_->connections = 10;
    ServedPort port(table_of({b1_, b2_}));
    auto client = port.connect();
    EXPECT_EQ(member_of(client), "b2");
    EXPECT_EQ(port.tally().members.at("b1").connect_failures, 1U);
    EXPECT_EQ(port.tally().members.at("b1").sessions, 0U);
    EXPECT_EQ(port.tally().members.at("b1").sessions_total, 0U);
    port.use(table_of({}));
    EXPECT_EQ(port.connect().wait_for_close(), Closed::fin);
    EXPECT_EQ(port.tally().refused[static_cast<std::size_t>(SessionEnd::no_backend)], 1U);
}

TEST_F(PortServerTest, TroubleIsReportedOnceUntilPatroniAnswers) {
    ServedPort port(table_of({b1_, b2_}));
    EXPECT_TRUE(port.troubles().empty());
    EXPECT_TRUE(b1_->reachability.begin_report(Trouble::ended)) << "which is another matter";
    fake(1).refuse();
    b2_->connections = 10;
    const auto meet_refusal = [&] {
        let_accept(b1_);  // so that it is tried first
        auto client = port.connect();
        EXPECT_EQ(member_of(client), "b2");
    };
    for (int i = 0; i < 3; ++i)
        meet_refusal();
    EXPECT_EQ(port.troubles(), (std::vector<std::string>{"b1 refused"}));
    b1_->reachability.allow_reports();  // as the feed does
    for (int i = 0; i < 2; ++i)
        meet_refusal();
    EXPECT_EQ(port.troubles(), (std::vector<std::string>{"b1 refused", "b1 refused"}));
}

TEST_F(PortServerTest, SessionsThatTheMemberEndsAreTroubleAndThoseThatTheClientEndsAreNot) {
    ServedPort port(table_of({b1_}));
    std::vector<TestClient> clients;
    for (int i = 0; i < 5; ++i) {
        clients.push_back(port.connect());
        EXPECT_EQ(member_of(clients.back()), "b1");
    }
    clients[3].half_close();
    clients[4].reset();
    port.wait_for_sessions(3);
    EXPECT_TRUE(port.troubles().empty());
    fake(1).close_all();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(clients[static_cast<std::size_t>(i)].receive_to_eof(), "");
        clients[static_cast<std::size_t>(i)].close();
    }
    port.wait_for_sessions(0);
    EXPECT_EQ(port.troubles(), (std::vector<std::string>{"b1 ended"}));
}

}  // namespace
}  // namespace proxy
