// The sessions of a port that go on in another process: here, on another port.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/proxy/port/port_server_fixture.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using support::TestClient;

class PortHandOverTest : public PortServerTest {
  protected:
    /// The same members, as another process knows them.
    const BackendPtr same_b1_ = backend_for(fake(1));
    const BackendPtr same_b2_ = backend_for(fake(2));
};

TEST_F(PortHandOverTest, ASessionGoesOnWhereItWas) {
    ServedPort before(table_of({b1_}));
    ServedPort after(table_of({same_b1_}));
    TestClient client = before.connect();
    EXPECT_EQ(member_of(client), "b1");
    expect_alive(client);
    const auto record = before.records().at(0);
    PortTally tally;
    after.adopt(before.hand_over(&tally));
    expect_alive(client);
    EXPECT_EQ(tally.members.at("b1").sessions_total, 1U);
    EXPECT_EQ(tally.members.at("b1").sessions, 0U);
    EXPECT_EQ(tally.members.at("b1").bytes_from_client, 0U);  // the session has them
    EXPECT_EQ(b1_->connections, 0U);
    EXPECT_EQ(same_b1_->connections, 1U);
    EXPECT_EQ(before.port().sessions, 0U);
    EXPECT_EQ(before.port().places.taken(), 0U);
    EXPECT_EQ(before.process().open, 0U);
    EXPECT_EQ(after.port().sessions, 1U);
    EXPECT_EQ(after.port().places.taken(), 1U);
    const auto adopted = after.records().at(0);
    EXPECT_EQ(adopted.id, record.id);
    EXPECT_EQ(adopted.client, record.client);
    EXPECT_GE(adopted.age, record.age);
    EXPECT_EQ(adopted.bytes_from_client, 8U);
    EXPECT_EQ(adopted.bytes_from_backend, 3U + 8U);
    client.close();
    after.wait_for_sessions(0);
    fake(1).wait_for_sessions(0);
    EXPECT_EQ(fake(1).resets(), 0U);
    EXPECT_EQ(after.tally().members.at("b1").ended[0], 1U);
    EXPECT_EQ(after.tally().members.at("b1").bytes_from_client, 8U);
}

TEST_F(PortHandOverTest, BytesThatABackendHasNotTakenComeToo) {
    ServedPort before(table_of({b1_}));
    ServedPort after(table_of({same_b1_}));
    TestClient client = before.connect();
    EXPECT_EQ(member_of(client), "b1");
    fake(1).pause_reading();
    const std::size_t sent = client.send_until_blocked(std::size_t{64} << 20);
    auto passed = before.hand_over();
    EXPECT_FALSE(passed.at(0).state.relay.backend.unsent.empty());
    after.adopt(std::move(passed));
    fake(1).resume_reading();
    EXPECT_EQ(client.receive(sent).size(), sent);
    expect_alive(client);
}

TEST_F(PortHandOverTest, AHalfThatIsClosedStaysClosed) {
    const support::FakeBackend stays({.name = "b9", .close_on_eof = false});
    ServedPort before(table_of({backend_for(stays)}));
    ServedPort after(table_of({backend_for(stays)}));
    TestClient client = before.connect();
    EXPECT_EQ(member_of(client), "b9");
    client.half_close();
    stays.wait_for_eofs(1);
    after.adopt(before.hand_over());
    const_cast<support::FakeBackend&>(stays).send_all("late\n");
    EXPECT_EQ(client.receive_line(), "late");
    const_cast<support::FakeBackend&>(stays).close_all();
    client.wait_for_eof();
    after.wait_for_sessions(0);
}

TEST_F(PortHandOverTest, AClientThatTakesNothingAfterItsBackendsEndGetsTheRest) {
    ServedPort before(table_of({b1_}));
    ServedPort after(table_of({same_b1_}));
    TestClient client = before.connect();
    EXPECT_EQ(member_of(client), "b1");
    fake(1).send_all(std::string(std::size_t{1} << 20, 'x'));
    fake(1).half_close_all();
    support::eventually([&] { return before.tally().members.at("b1").bytes_from_backend > 3; },
                        "bytes on their way");
    after.adopt(before.hand_over());
    EXPECT_EQ(client.receive_to_eof(), std::string(std::size_t{1} << 20, 'x'));
    client.close();
    after.wait_for_sessions(0);
}

TEST_F(PortHandOverTest, HeldClientsKeepTheirOrder) {
    const PortSettings settings{.queue_timeout = 1h, .max_connections = 1};
    ServedPort before(table_of({}), settings);
    TestClient first = held_client(before);
    TestClient second = held_client(before);
    first.send("first\n");
    PortTally tally;
    auto passed = before.hand_over(&tally);
    EXPECT_EQ(tally.queued_total, 0U);
    EXPECT_EQ(before.port().queued, 0U);
    std::swap(passed.at(0), passed.at(1));  // they may come in any order
    ServedPort after(table_of({}), settings);
    after.adopt(std::move(passed));
    EXPECT_EQ(after.port().queued, 2U);
    EXPECT_EQ(after.tally().queued_total, 2U);
    let_accept(same_b1_);
    after.use(table_of({same_b1_}));
    EXPECT_EQ(member_of(first), "b1");
    EXPECT_EQ(first.receive_line(), "first");
    EXPECT_FALSE(second.closed_now());
    first.close();
    EXPECT_EQ(member_of(second), "b1");
}

TEST_F(PortHandOverTest, AClientThatWasConnectingConnectsAnew) {
    ServedPort before(table_of({hangs_}), {.connect_timeout = 1h});
    TestClient client = before.connect();
    client.send("hello\n");
    before.wait_for_sessions(1);
    ServedPort after(table_of({same_b1_}));
    after.adopt(before.hand_over());
    EXPECT_EQ(member_of(client), "b1");
    EXPECT_EQ(client.receive_line(), "hello");
}

TEST_F(PortHandOverTest, AHeaderThatComesInPiecesGoesOn) {
    const PortSettings settings{
        .proxy_protocol = AcceptProxy::required,
        .proxy_protocol_from = {net::Network::parse("127.0.0.0/8").value()}};
    ServedPort before(table_of({b1_}), settings);
    TestClient client = before.connect();
    client.send("PROXY TCP4 10.1.2.3 ");
    support::eventually([&] { return before.records().size() == 1; }, "a client");
    ServedPort after(table_of({same_b1_}), settings);
    after.adopt(before.hand_over());
    client.send("10.9.9.9 4000 5432\r\nhello\n");
    EXPECT_EQ(member_of(client), "b1");
    EXPECT_EQ(client.receive_line(), "hello");
    EXPECT_EQ(after.records().at(0).client.to_string(), "10.1.2.3:4000");
}

TEST_F(PortHandOverTest, ASessionThatMayNotStayEnds) {
    ServedPort before(table_of({b1_}));
    TestClient client = before.connect();
    EXPECT_EQ(member_of(client), "b1");
    ServedPort after(table_of({same_b2_}));
    after.adopt(before.hand_over());
    client.wait_for_close();
    after.wait_for_sessions(0);
    EXPECT_EQ(
        after.tally().members.at("b1").ended[static_cast<std::size_t>(SessionEnd::member_out)], 1U);
}

TEST_F(PortHandOverTest, TheSocketsOfAPassedSessionAreLeftAlone) {
    ServedPort before(table_of({b1_}));
    TestClient client = before.connect();
    EXPECT_EQ(member_of(client), "b1");
    const auto passed = before.hand_over();
    before.wait_for_sessions(0);
    // Nobody serves it, and nobody has closed it.
    client.send("hello\n");
    EXPECT_FALSE(client.closed_now());
    EXPECT_EQ(fake(1).sessions(), 1U);
    EXPECT_EQ(fake(1).received(), 0U);
}

/// Two processes for the moment: a client is held in one, and another one relays.
class PassingInBatches : public PortHandOverTest {
  protected:
    [[nodiscard]] TestClient relaying_client() const {
        TestClient client = before_.connect();
        EXPECT_EQ(member_of(client), "b1");
        return client;
    }
    /// What is to come to the second process, as the first one has said.
    void reserve(std::uint64_t sessions, std::uint32_t connections) {
        reservations_.set({{after_.shared_port(), sessions}}, {{"c", same_b1_, connections}});
    }
    void reserve_others() {
        const auto seats = others_.connections.find(b1_);
        reserve(others_.sessions,
                seats == others_.connections.end() ? 0 : static_cast<std::uint32_t>(seats->second));
    }
    void expect_counted(std::uint64_t count) {
        EXPECT_EQ(after_.port().sessions, count);
        EXPECT_EQ(after_.port().places.taken(), count);
        EXPECT_EQ(after_.process().open, count);
        EXPECT_EQ(after_.process().places.taken(), count);
        EXPECT_EQ(same_b1_->connections, count);
    }

    const PortSettings settings_{.max_connections = 2};
    ServedPort before_{table_of({b1_}), settings_};
    ServedPort after_{table_of({same_b1_}), settings_};
    PortServer::Others others_;
    Reservations reservations_{after_.process()};
};

TEST_F(PassingInBatches, ASessionThatOnlyRelaysGoesOnUntilItsBatch) {
    TestClient client = relaying_client();
    EXPECT_TRUE(before_.hand_over_undecided(others_).empty());
    EXPECT_EQ(others_.sessions, 1U);
    EXPECT_EQ(others_.connections.at(b1_), 1U);
    expect_alive(client);
    reserve_others();
    expect_counted(1);
    auto batch = before_.pass_some(10);
    ASSERT_EQ(batch.size(), 1U);
    EXPECT_EQ(before_.port().places.taken(), 0U);
    EXPECT_EQ(b1_->connections, 0U);
    after_.adopt(std::move(batch), &reservations_);
    expect_counted(1);
    reserve(0, 0);
    expect_counted(1);
    expect_alive(client);
    client.close();
    after_.wait_for_sessions(0);
    expect_counted(0);
}

TEST_F(PassingInBatches, ABatchHasNoMoreThanItMay) {
    TestClient first = relaying_client();
    TestClient second = relaying_client();
    EXPECT_EQ(before_.pass_some(1).size(), 1U);
    EXPECT_EQ(before_.pass_some(5).size(), 1U);
    EXPECT_TRUE(before_.pass_some(5).empty());
}

TEST_F(PassingInBatches, AHeldClientPassesAtOnce) {
    TestClient client = relaying_client();
    ServedPort before(table_of({}), {.queue_timeout = 1h});
    TestClient held = held_client(before);
    EXPECT_EQ(before.hand_over_undecided(others_).size(), 1U);
    EXPECT_EQ(others_.sessions, 0U);
    // It is held elsewhere now, and counted there.
    const auto tally = before.tally_for_successor();
    EXPECT_EQ(tally.queued_total, 0U);
    EXPECT_EQ(tally.held_time.sum, 0);
}

TEST_F(PassingInBatches, APlaceOfASessionThatIsToComeIsNobodyElses) {
    TestClient first = relaying_client();
    TestClient second = relaying_client();
    EXPECT_TRUE(before_.hand_over_undecided(others_).empty());
    reserve_others();
    const auto expect_full = [this] {
        TestClient visitor = after_.connect();
        visitor.half_close();  // it has nothing to cancel: nobody waits for that
        visitor.wait_for_close();
    };
    expect_full();
    after_.adopt(before_.pass_some(1), &reservations_);
    reserve(before_.port().places.taken(), b1_->connections);
    expect_counted(2);
    expect_full();
    after_.adopt(before_.pass_some(1), &reservations_);
    reserve(before_.port().places.taken(), b1_->connections);
    expect_counted(2);
    expect_full();
    EXPECT_EQ(after_.refused(SessionEnd::port_full), 3U);
}

TEST_F(PassingInBatches, ASessionThatEndsBeforeItsBatchGivesItsPlaceBack) {
    TestClient first = relaying_client();
    TestClient second = relaying_client();
    EXPECT_TRUE(before_.hand_over_undecided(others_).empty());
    reserve_others();
    first.close();
    before_.wait_for_sessions(1);
    reserve(before_.port().places.taken(), b1_->connections);
    expect_counted(1);
    TestClient visitor = after_.connect();
    EXPECT_EQ(member_of(visitor), "b1");
    after_.adopt(before_.pass_some(5), &reservations_);
    expect_counted(2);
    expect_alive(second);
    expect_alive(visitor);
}

TEST_F(PassingInBatches, WhatDoesNotComeIsGivenBack) {
    reserve(2, 2);
    expect_counted(2);
    {
        Reservations others(after_.process());
        others.set({{after_.shared_port(), 1}}, {{"c", same_b1_, 1}});
        expect_counted(3);
    }
    expect_counted(2);
    reserve(0, 0);
    expect_counted(0);
}

TEST_F(PassingInBatches, ASessionIsCutAtOnceIfItsMemberIsOut) {
    TestClient client = relaying_client();
    EXPECT_TRUE(before_.hand_over_undecided(others_).empty());
    reserve_others();
    after_.use(table_of({same_b2_}));
    after_.adopt(before_.pass_some(5), &reservations_);
    client.wait_for_close();
    after_.wait_for_sessions(0);
    expect_counted(0);
}

TEST_F(PassingInBatches, ABatchThatNobodyTookComesBack) {
    TestClient client = relaying_client();
    EXPECT_TRUE(before_.hand_over_undecided(others_).empty());
    before_.adopt(before_.pass_some(5));
    expect_alive(client);
    EXPECT_EQ(b1_->connections, 1U);
    EXPECT_EQ(before_.port().places.taken(), 1U);
}

}  // namespace
}  // namespace proxy
