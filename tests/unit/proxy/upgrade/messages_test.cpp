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
    relay.departs = relay.answered = relay.waited = relay.told = relay.inspected = true;
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
    EXPECT_TRUE(state.relay.departs);
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

patroni::Member some_member() {
    patroni::Member member;
    member.name = "p1";
    member.role_name = "sync_standby";
    member.role = patroni::Role::sync_standby;
    member.state_name = "streaming";
    member.state = patroni::State::streaming;
    member.host = "10.0.0.1";
    member.port = 5432;
    member.timeline = 7;
    member.lag = 8;
    member.tells_replay_lag = true;
    member.tags = {{"zone", "a"}};
    member.api_url = "http://10.0.0.1:8008/patroni";
    member.remembered = member.place_remembered = true;
    return member;
}

TEST(UpgradeMessages, WhatIsKnownOfAClusterArrives) {
    patroni::ClusterSnapshot answer;
    answer.members = {some_member()};
    answer.paused = true;
    answer.scope = "main";
    answer.nameless = 2;
    answer.warnings = {"a warning"};
    const auto snapshot = std::make_shared<const patroni::ClusterSnapshot>(answer);
    const patroni::Leadership leader{"p1",          patroni::Standing::tolerated,   "one denial",
                                     some_member(), patroni::Clock::time_point(9s), true};
    PassedCluster passed{"main", {}};
    auto& memory = passed.state.memory.emplace();
    memory.hosts = {"http://10.0.0.1:8008"};
    memory.identity = {"main", "123"};
    memory.snapshot = snapshot;
    memory.leader = "p1";
    memory.answered_at = patroni::Clock::time_point(3s);
    memory.confirmed_at = patroni::Clock::time_point(2s);
    memory.is_passed_on = true;
    memory.ages_are_sure = false;
    memory.as_of = "noon";
    memory.live_lag = {{"p2", 5}};
    patroni::ClusterView view{};
    view.snapshot = snapshot;
    view.answered_at = patroni::Clock::time_point(4s);
    view.leader = leader;
    view.live_lag = {{"p2", 6}};
    view.denials = {{"p1", "its API answers 503"}};
    patroni::Leadership frozen_with;
    frozen_with.member = "p1";
    passed.state.frozen.emplace(view, frozen_with);
    patroni::Judge::Record record;
    record.member = std::make_shared<const patroni::Member>(some_member());
    record.told_at = patroni::Clock::time_point(1s);
    record.served = record.led = record.lagged_out = true;
    record.objected_since = patroni::Clock::time_point(2s);
    record.objection = patroni::Objection::unproven;
    record.same_since = patroni::Clock::time_point(3s);
    record.fits_since = patroni::Clock::time_point(4s);
    passed.state.judges.push_back({"rw", true, {{"p1", record}}});
    passed.state.since.note("leader", "p1", 1.5);
    passed.state.since.note("port rw", "up", 1, true);
    passed.state.since.note("port rw", "down", 3, true);

    const auto read = read_cluster(write(passed));
    ASSERT_TRUE(read);
    EXPECT_EQ(write(*read), write(passed));
    EXPECT_EQ(*read->state.memory->snapshot, answer);
    EXPECT_EQ(read->state.memory->identity, memory.identity);
    EXPECT_TRUE(read->state.memory->is_passed_on);
    EXPECT_FALSE(read->state.memory->ages_are_sure);
    EXPECT_EQ(read->state.memory->live_lag, memory.live_lag);
    EXPECT_EQ(read->state.frozen->in_force().leader, leader);
    EXPECT_EQ(read->state.frozen->in_force().denials, view.denials);
    EXPECT_EQ(read->state.frozen->frozen_with().member, "p1");
    const auto& judge = read->state.judges.at(0);
    EXPECT_TRUE(judge.by_fallback);
    EXPECT_EQ(*judge.records.at("p1").member, some_member());
    EXPECT_TRUE(judge.records.at("p1").lagged_out);
    EXPECT_EQ(judge.records.at("p1").fits_since, record.fits_since);
    EXPECT_EQ(read->state.since.of("leader"), 1.5);
    EXPECT_EQ(read->state.since.down_for("port rw", 4), 3);
    const std::string whole = write(passed);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto part = read_cluster(whole.substr(0, size));
        EXPECT_TRUE(!part || read_cluster(write(*part))) << size;
    }
}

TEST(UpgradeMessages, ARecordOfTheHistoryArrives) {
    using namespace history;
    Record record{.id = 7, .kind = history::Kind::leader, .cluster = "main"};
    record.epoch = {Clock::time_point(10s), 1'700'000'000.5};
    record.began = Clock::time_point(8s);
    record.ended = Clock::time_point(9s);
    record.cause = Cause::leader_died;
    record.words = "the leader died";
    record.from = "p1";
    record.to = "p2";
    record.paused = true;
    record.leaderless = 1500ms;
    record.steps = {{Clock::time_point(8s), StepKind::promoted, "p2", "rw", "in time"}};
    record.steps_left_out = 3;
    record.ports.push_back({.port = "rw",
                            .ended = 1,
                            .held = 2,
                            .longest_held = 0.5,
                            .gave_up = 3,
                            .refused = {{"no_backend", 4}},
                            .first_session = Clock::time_point(9s),
                            .left = {"p1"},
                            .joined = {"p2"}});
    record.by = "uid 0";
    record.summary = "in one line";
    const auto read = read_record(write(record));
    ASSERT_TRUE(read);
    EXPECT_EQ(write(*read), write(record));
    EXPECT_EQ(read->kind, history::Kind::leader);
    EXPECT_EQ(read->cause, Cause::leader_died);
    EXPECT_EQ(read->leaderless, 1500ms);
    EXPECT_EQ(read->unix_of(*read->ended), 1'699'999'999.5);
    EXPECT_EQ(read->steps.at(0).kind, StepKind::promoted);
    EXPECT_EQ(read->ports.at(0).refused, record.ports.at(0).refused);
    EXPECT_EQ(read->ports.at(0).joined, record.ports.at(0).joined);
    EXPECT_FALSE(read_record(write(record).substr(0, 5)));
}

TEST(UpgradeMessages, CountsOfClustersAndTheProcessArrive) {
    PassedCounts passed{"main", {}};
    auto& [polls, leaders] = passed.counts;
    polls.good = 1;
    polls.failed = 2;
    polls.last_error = "refused";
    polls.last_host = "http://p1:8008";
    polls.seconds_total = 3.5;
    polls.last_seconds = 0.5;
    polls.time.note(0.5);
    leaders.counts.changes = 4;
    leaders.counts.leaderless_seconds = 5.5;
    leaders.counts.leaderless_time.note(5.5);
    leaders.leader = "p1";
    leaders.leads = leaders.expected = true;
    leaders.since = patroni::Clock::time_point(6s);
    const auto read = read_counts(write(passed));
    ASSERT_TRUE(read);
    EXPECT_EQ(write(*read), write(passed));
    EXPECT_EQ(read->counts.polls.seconds_total, 3.5);
    EXPECT_EQ(read->counts.polls.time, polls.time);
    EXPECT_EQ(read->counts.leaders.counts.changes, 4U);
    EXPECT_EQ(read->counts.leaders.since, leaders.since);

    PassedProcess process{.started = patroni::Clock::time_point(1s),
                          .started_at = 1'795'000'000.125,
                          .upgraded_by = "uid 0"};
    process.reloads.report = {.good = 1, .failed = 2, .last_good = false, .last_error = "line 7"};
    process.reloads.last_at = patroni::Clock::time_point(2s);
    const auto same = read_process(write(process));
    ASSERT_TRUE(same);
    EXPECT_EQ(write(*same), write(process));
    EXPECT_EQ(same->started, process.started);
    EXPECT_EQ(same->started_at, process.started_at);
    EXPECT_FALSE(same->reloads.report.last_good);
    EXPECT_EQ(same->upgraded_by, "uid 0");
    EXPECT_FALSE(same->log_level);
    process.log_level = daemons::log::Level::debug;
    EXPECT_EQ(read_process(write(process))->log_level, process.log_level);
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
    EXPECT_FALSE(read_end(write(End{3, 9}))->more);
    EXPECT_TRUE(read_end(write(End{3, 9, true}))->more);
    EXPECT_THAT(*read_texts(write(std::vector<std::string>{"a", "", "b"})),
                ElementsAre("a", "", "b"));
}

TEST(UpgradeMessages, WhatIsStillToComeArrives) {
    const StillToCome passed{{{"main/rw", 7}, {"main/ro", 0}},
                             {{"main/rw", "p1", at("10.0.0.1:5432"), 5}}};
    const auto read = read_still_to_come(write(passed));
    ASSERT_TRUE(read);
    EXPECT_EQ(write(*read), write(passed));
    EXPECT_EQ(read->ports.at(0).sessions, 7U);
    EXPECT_EQ(read->backends.at(0).address, at("10.0.0.1:5432"));
    EXPECT_EQ(read->backends.at(0).connections, 5U);
    const StillToCome too_many{{{"main/rw", std::uint64_t{1} << 40U}}, {}};
    EXPECT_FALSE(read_still_to_come(write(too_many)));
}

TEST(UpgradeMessages, AnEarlierVersionReadsTheLabelsOfWhoIsReady) {
    const std::string fields = write(Ready{{"main/rw", "main/ro"}, true});
    EXPECT_TRUE(read_ready(fields)->in_batches);
    EXPECT_THAT(read_ready(fields)->labels, ElementsAre("main/rw", "main/ro"));
    EXPECT_THAT(*read_texts(fields), ElementsAre("main/rw", "main/ro"));
    const std::string earlier = write(std::vector<std::string>{"main/rw"});
    EXPECT_FALSE(read_ready(earlier)->in_batches);
    EXPECT_THAT(read_ready(earlier)->labels, ElementsAre("main/rw"));
}

TEST(UpgradeMessages, AMessageBeginsWithItsKind) {
    EXPECT_EQ(kind_of(message(Kind::took_over)), Kind::took_over);
    EXPECT_EQ(kind_of(message(Kind::adopted)), Kind::adopted);
    EXPECT_EQ(fields_of(message(Kind::hello, "fields")), "fields");
    EXPECT_FALSE(kind_of(""));
    EXPECT_FALSE(kind_of(std::string(1, '\0')));
    EXPECT_FALSE(kind_of("\x7f"));
    EXPECT_EQ(fields_of(""), "");
}

}  // namespace
}  // namespace proxy::upgrade
