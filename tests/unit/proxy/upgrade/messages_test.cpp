#include "patroni_proxy/upgrade/messages/messages.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni_proxy/upgrade/messages/fields.h"

namespace proxy::upgrade {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Pair;

net::SocketAddress at(const std::string& text) {
    return net::SocketAddress::parse(text).value();
}

/// Everything that a session may be at once, and more.
PassedSession full_session() {
    PassedSession session{.label = "main/rw", .has_backend_socket = true};
    SessionState& state = session.state;
    state.id = SessionId(3, 123'456'789'012);
    state.stage = SessionState::Stage::relaying;
    state.client = at("10.0.0.1:40000");
    state.destination = at("[::1]:5000");
    state.accepted_at = std::chrono::steady_clock::time_point(123'456'789ns);
    state.held = 0.25;
    state.connecting = 0.5;
    state.startup = StartupState{.keeps = true,
                                 .awaits = StartupState::Awaits::answer,
                                 .speaks_on = false,
                                 .refused = true,
                                 .silent_ends = 2,
                                 .request = std::string("\0request", 8),
                                 .answer = "answer"};
    state.queued = true;
    state.closed_by = "closed by somebody";
    state.has_names = true;
    state.user = "u";
    state.database = "d";
    state.application = "a";
    state.member = "p1";
    state.backend = at("10.0.0.2:5432");
    state.served_by = ServedBy::fallback_roles;
    state.has_seat = true;
    state.has_place = true;
    net::RelayState& relay = state.relay;
    relay.client.received = 1'000'000'000'000;
    relay.client.silence = 1500ms;
    relay.client.ended = net::SideEnd::broke;
    relay.client.deaf = true;
    relay.backend.received = 7;
    relay.backend.write_done = true;
    relay.backend.reset = true;
    relay.heard = 5;
    relay.shutdown = net::RelayState::Shutdown{.left = 20ms, .undelivered = 3, .checks = 2};
    relay.end = net::RelayEnd::client_failed;
    relay.answered = relay.waited = relay.told = relay.inspected = true;
    relay.query = net::QueryState::from_byte(5);
    return session;
}

TEST(UpgradeMessages, ASessionArrivesAsItWas) {
    const auto read = read_session(write(full_session()));
    ASSERT_TRUE(read);
    EXPECT_EQ(write(*read), write(full_session()));
    const SessionState& state = read->state;
    EXPECT_EQ(read->label, "main/rw");
    EXPECT_EQ(state.id.text(), "w3-123456789012");
    EXPECT_EQ(state.client.to_string(), "10.0.0.1:40000");
    EXPECT_EQ(state.destination.to_string(), "[::1]:5000");
    EXPECT_EQ(state.accepted_at.time_since_epoch(), 123'456'789ns);
    EXPECT_EQ(state.startup->request, std::string("\0request", 8));
    EXPECT_TRUE(state.startup->refused);
    EXPECT_EQ(state.served_by, ServedBy::fallback_roles);
    EXPECT_EQ(state.relay.client.received, 1'000'000'000'000U);
    EXPECT_EQ(state.relay.client.ended, net::SideEnd::broke);
    EXPECT_EQ(state.relay.shutdown->left, 20ms);
    EXPECT_EQ(state.relay.end, net::RelayEnd::client_failed);
    EXPECT_EQ(state.relay.query.as_byte(), 5);
}

TEST(UpgradeMessages, AClientThatWaitsNeedsNoBackend) {
    PassedSession session{.label = "main/rw"};
    session.state.queued = true;
    session.state.held = 3;
    const auto read = read_session(write(session));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->state.stage, SessionState::Stage::waiting);
    EXPECT_TRUE(read->state.queued);
    EXPECT_EQ(read->state.client.family(), AF_UNSPEC);
    EXPECT_FALSE(read->state.startup);
}

TEST(UpgradeMessages, WhatDoesNotGoTogetherIsNoSession) {
    const auto refused = [](auto change) {
        PassedSession session = full_session();
        change(session);
        return !read_session(write(session));
    };
    EXPECT_FALSE(refused([](auto& /*session*/) {}));
    EXPECT_TRUE(refused([](auto& session) { session.label.clear(); }));
    EXPECT_TRUE(refused([](auto& session) { session.state.member.clear(); }));
    // A backend that has not ended has a socket; one that has no seat has ended.
    EXPECT_TRUE(refused([](auto& session) { session.has_backend_socket = false; }));
    EXPECT_TRUE(refused([](auto& session) {
        session.state.has_seat = false;
        session.state.relay.end.reset();
    }));
    EXPECT_TRUE(
        refused([](auto& session) { session.state.stage = SessionState::Stage::reading_header; }));
}

TEST(UpgradeMessages, EveryTruncationIsRefusedOrSound) {
    const std::string whole = write(full_session());
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto read = read_session(whole.substr(0, size));
        EXPECT_TRUE(!read || read_session(write(*read))) << size;
    }
}

TEST(UpgradeMessages, AnotherVersionMayAddFields) {
    FieldWriter more;
    more.number(1'000, 42);
    more.text(1'001, "news");
    const auto read = read_session(write(full_session()) + more.bytes());
    ASSERT_TRUE(read);
    EXPECT_EQ(write(*read), write(full_session()));
}

TEST(UpgradeMessages, ATallyArrivesByTheNamesOfReasons) {
    LabelledTally labelled{.label = "main/rw"};
    labelled.tally.queued_total = 3;
    labelled.tally.refused[static_cast<std::size_t>(SessionEnd::no_backend)] = 5;
    MemberTally& member = labelled.tally.members["p1"];
    member.sessions_total = 7;
    member.bytes_from_client = 8;
    member.bytes_from_backend = 9;
    member.connect_failures = 10;
    member.ended[static_cast<std::size_t>(SessionEnd::client_closed)] = 6;
    member.connect_time.note(0.002);
    labelled.tally.held_time.note(100);
    labelled.tally.session_time.note(3);
    labelled.tally.gave_up = 4;
    const auto read = read_tally(write(labelled));
    ASSERT_TRUE(read);
    EXPECT_EQ(write(*read), write(labelled));
    EXPECT_EQ(read->tally.refused, labelled.tally.refused);
    EXPECT_EQ(read->tally.members.at("p1").ended, member.ended);
    EXPECT_EQ(read->tally.members.at("p1").bytes_from_backend, 9U);
    EXPECT_EQ(read->tally.members.at("p1").connect_time, member.connect_time);
    EXPECT_EQ(read->tally.held_time, labelled.tally.held_time);
    EXPECT_EQ(read->tally.session_time, labelled.tally.session_time);
    EXPECT_EQ(read->tally.gave_up, 4U);
}

TEST(UpgradeMessages, WhatOperatorsHaveSetArrives) {
    Settings settings;
    settings.settings.push_back({.subject = {Operation::cap, "main", "p1", ""},
                                 .why = "slow disk",
                                 .by = "uid 0, pid 1",
                                 .since = 1'700'000'000.5,
                                 .until = 1'700'000'060.5,
                                 .expires = OperatorSetting::Clock::time_point(5s),
                                 .sessions = 10});
    settings.settings.push_back(
        {.subject = {Operation::drain, "main", "p2", "ro"}, .maintenance = true});
    settings.holds_ended[{"main", "rw"}] = OperatorSetting::Clock::time_point(7s);
    settings.paces.push_back({"main", "p2", {.rate = 0.5, .within = 30s}, "drained by somebody"});
    const auto read = read_settings(write(settings));
    ASSERT_TRUE(read);
    EXPECT_EQ(write(*read), write(settings));
    EXPECT_EQ(read->settings[0].subject.text(), "main/p1");
    EXPECT_EQ(read->settings[0].sessions, 10U);
    EXPECT_EQ(read->settings[1].subject.text(), "main/p2 on port ro");
    EXPECT_TRUE(read->settings[1].maintenance);
    EXPECT_THAT(read->holds_ended, ElementsAre(Pair(Pair("main", "rw"), testing::_)));
    EXPECT_EQ(read->paces[0].pace.within, 30s);
}

TEST(UpgradeMessages, PortsAndTheRestArrive) {
    const std::vector<PortNeeds> ports{
        {"main/rw", true, {{"p1", at("10.0.0.1:5432"), ServedBy::roles}}},
        {"main/ro", false, {{"p2", at("[::1]:5432"), ServedBy::fallback_roles}}}};
    const auto read = read_ports(write(ports));
    ASSERT_TRUE(read);
    EXPECT_EQ(write(*read), write(ports));
    const auto hello = read_hello(write(Hello{.version = "1.2"}));
    ASSERT_TRUE(hello);
    EXPECT_EQ(hello->format, kFormat);
    EXPECT_EQ(hello->version, "1.2");
    const std::string message = write(Unsent{7, net::RelaySide::backend, "bytes"});
    const auto unsent = read_unsent(message);
    ASSERT_TRUE(unsent);
    EXPECT_EQ(unsent->session, 7U);
    EXPECT_EQ(unsent->to, net::RelaySide::backend);
    EXPECT_EQ(unsent->bytes, "bytes");
    EXPECT_EQ(read_end(write(End{3, 9}))->last_id, 9U);
    EXPECT_THAT(*read_texts(write(std::vector<std::string>{"a", "", "b"})),
                ElementsAre("a", "", "b"));
}

TEST(UpgradeMessages, AMessageBeginsWithItsKind) {
    EXPECT_EQ(kind_of(message(Kind::took_over)), Kind::took_over);
    EXPECT_EQ(fields_of(message(Kind::hello, "fields")), "fields");
    EXPECT_FALSE(kind_of(""));
    EXPECT_FALSE(kind_of(std::string(1, '\0')));
    EXPECT_FALSE(kind_of("\x7f"));
    EXPECT_EQ(fields_of(""), "");
}

}  // namespace
}  // namespace proxy::upgrade
