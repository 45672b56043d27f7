// What a port does with the first messages of PostgreSQL's protocol.

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "port_startup_fixture.h"
#include "unit/proxy/logged.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using support::Closed;
using support::FakeBackend;
using support::TestClient;
using testing::HasSubstr;

TEST_F(PortStartupTest, NoSessionGoesToAServerBeforeItAccepts) {
    postgres1_.become(FakePostgres::State::starts);
    ServedPort port(table_of({b1_}), holding_);
    const auto log = logged_during([&] {
        auto client = port.connect();
        client.send(FakePostgres::startup());
        port.wait_for_queued(1);
        fake(1).wait_for_accepted(2);  // it was asked twice
        EXPECT_EQ(b1_->connections, 0U);
        postgres1_.become(FakePostgres::State::accepts);
        EXPECT_EQ(answer_to(client), FakePostgres::welcome("b1"));
    });
    EXPECT_THAT(log, HasSubstr("c/p: b1 at " + fake(1).address() +
                               " does not accept sessions yet: b1 starts up"));
    EXPECT_TRUE(b1_->reachability.accepts());
    EXPECT_EQ(port.troubles(), (std::vector<std::string>{"b1 refused"})) << "Patroni is asked why";
}

TEST_F(PortStartupTest, ALateAnswerCounts) {
    fake(1).pause_reading();
    fake(1).answer_by([first = true](const std::string& asked) mutable {
        const bool answers = std::exchange(first, false) || asked == FakePostgres::startup();
        return answers ? FakePostgres::welcome("b1") : "";
    });
    ServedPort port(table_of({b1_}), holding_);
    auto client = port.connect();
    client.send(FakePostgres::startup());
    fake(1).wait_for_accepted(2);  // the first question is late, so it was asked again
    fake(1).resume_reading();
    EXPECT_EQ(answer_to(client), FakePostgres::welcome("b1"));
}

TEST_F(PortStartupTest, AServerThatAcceptedOnceIsNotAskedAgain) {
    ServedPort port(table_of({b1_}), holding_);
    auto first = session(port);
    auto second = session(port);
    EXPECT_EQ(fake(1).accepted(), 3U);
}

TEST_F(PortStartupTest, AServerThatEndsASessionIsAskedAgain) {
    ServedPort port(table_of({b1_}), holding_);
    auto first = session(port);
    postgres1_.become(FakePostgres::State::starts);
    fake(1).close_all();
    first.wait_for_eof();
    EXPECT_FALSE(b1_->reachability.accepts()) << "though its client has not closed yet";
    EXPECT_EQ(port.troubles(), (std::vector<std::string>{"b1 ended"}));
    auto client = port.connect();
    port.wait_for_queued(1);
    postgres1_.become(FakePostgres::State::accepts);
    client.send(FakePostgres::startup());
    EXPECT_EQ(answer_to(client), FakePostgres::welcome("b1"));
}

TEST_F(PortStartupTest, ASeatIsFreeOnceTheServerHasEndedTheSession) {
    ServedPort port(table_of({b1_}), {.queue_timeout = 1h, .max_connections_per_backend = 1});
    auto first = session(port);
    auto second = port.connect();
    second.send(FakePostgres::startup());
    port.wait_for_queued(1);
    const std::string why = fatal_error("57P01", "terminating connection");
    fake(1).send_all(why);
    fake(1).close_all();
    EXPECT_EQ(answer_to(second), FakePostgres::welcome("b1"));
    EXPECT_EQ(port.tally().members.at("b1").sessions, 1U);
    EXPECT_EQ(b1_->connections, 1U);
    EXPECT_EQ(first.receive_to_eof(), why);
}

TEST_F(PortStartupTest, AReportThatWasMadeAlreadyDoesNotClearTheDoubt) {
    ServedPort port(table_of({b1_}), holding_);
    auto first = session(port);
    EXPECT_TRUE(b1_->reachability.begin_report(Trouble::ended)) << "of another session, before";
    fake(1).close_all();
    first.wait_for_eof();
    EXPECT_FALSE(b1_->reachability.accepts());
    EXPECT_EQ(port.troubles(), (std::vector<std::string>{}));
}

TEST_F(PortStartupTest, AnUnconfirmedMemberIsPassedOver) {
    postgres1_.become(FakePostgres::State::starts);
    ServedPort port(table_of({b1_, b2_}), holding_);
    std::vector<TestClient> clients;
    for (int i = 0; i < 4; ++i) {
        clients.push_back(port.connect());
        clients.back().send(FakePostgres::startup());
        EXPECT_EQ(answer_to(clients.back()), FakePostgres::welcome("b2"));
    }
    postgres1_.become(FakePostgres::State::accepts);
    // Every client that passes it over has it asked again.
    support::eventually(
        [&] {
            clients.push_back(port.connect());
            clients.back().send(FakePostgres::startup());
            return answer_to(clients.back()) == FakePostgres::welcome("b1");
        },
        "a session on b1");
}

TEST_F(PortStartupTest, AStartupPacketThatIsRefusedForNowIsSentAgain) {
    ServedPort port(table_of({b1_}), holding_);
    auto other = session(port);
    postgres1_.become(FakePostgres::State::starts);  // and nobody knows
    auto client = port.connect();
    client.send(FakePostgres::startup("me"));
    port.wait_for_queued(1);
    EXPECT_FALSE(client.closed_now());
    postgres1_.become(FakePostgres::State::accepts);
    EXPECT_EQ(answer_to(client), FakePostgres::welcome("b1"));
    EXPECT_THAT(fake(1).received_text(), HasSubstr(FakePostgres::startup("me")));
    EXPECT_EQ(port.tally().members.at("b1").connect_failures, 1U);
    client.close();
    port.wait_for_sessions(1);
    EXPECT_EQ(port.tally().members.at("b1").bytes_from_client,
              2 * FakePostgres::startup("me").size() + 1)
        << "what was refused is not counted (app is a letter longer than me)";
}

TEST_F(PortStartupTest, ARefusalIsRecognisedInPieces) {
    const std::string refusal = fatal_error(kCannotConnectNow, "b1 starts up");
    for (const std::size_t cut : {std::size_t{1}, std::size_t{5}, refusal.size() - 1}) {
        let_accept(b1_);
        ServedPort port(table_of({b1_}), holding_);
        fake(1).answer_by([&](const std::string& /*asked*/) { return refusal.substr(0, cut); });
        auto client = port.connect();
        client.send(FakePostgres::startup());
        fake(1).wait_for_sessions(1);
        support::eventually([&] { return port.tally().members.at("b1").sessions_total == 1; },
                            "a session");
        fake(1).answer_by([&](const std::string& /*asked*/) { return refusal; });
        fake(1).send_all(refusal.substr(cut));
        port.wait_for_queued(1);
        EXPECT_FALSE(client.closed_now());
        FakePostgres accepts(fake(1), FakePostgres::State::accepts);
        EXPECT_EQ(answer_to(client), FakePostgres::welcome("b1"));
    }
}

TEST_F(PortStartupTest, AFinalErrorInPiecesArrivesWhole) {
    let_accept(b1_);
    ServedPort port(table_of({b1_}), holding_);
    const std::string refusal = fatal_error("53300", "sorry, too many clients already");
    fake(1).answer_by([&](const std::string& /*asked*/) { return refusal.substr(0, 9); });
    auto client = port.connect();
    client.send(FakePostgres::startup());
    fake(1).wait_for_received(FakePostgres::startup().size());
    fake(1).send_all(refusal.substr(9) + "and more");
    EXPECT_EQ(client.receive(refusal.size() + 8), refusal + "and more");
    EXPECT_EQ(port.tally().members.at("b1").bytes_from_backend, refusal.size() + 8);
}

TEST_F(PortStartupTest, AnAnswerInPiecesArrivesWholeIfTheClientSpeaksAmidIt) {
    let_accept(b1_);
    ServedPort port(table_of({b1_}), holding_);
    const std::string refusal = fatal_error("53300", "sorry, too many clients already");
    fake(1).answer_by([&](const std::string& asked) {
        return asked.starts_with('x') ? "" : refusal.substr(0, 9);
    });
    auto client = port.connect();
    client.send(FakePostgres::startup());
    fake(1).wait_for_received(FakePostgres::startup().size());
    const std::string more(100, 'x');
    client.send(more);
    fake(1).wait_for_received(FakePostgres::startup().size() + more.size());
    fake(1).send_all(refusal.substr(9));
    EXPECT_EQ(client.receive(refusal.size()), refusal);
}

TEST_F(PortStartupTest, AStartupBehindARefusalOfEncryptionIsSentAgain) {
    ServedPort port(table_of({b1_}), holding_);
    auto other = session(port);
    auto client = port.connect();
    client.send(FakePostgres::gss_request());
    EXPECT_EQ(client.receive(1), "N");
    client.send(FakePostgres::ssl_request());
    EXPECT_EQ(client.receive(1), "N");
    postgres1_.become(FakePostgres::State::starts);
    client.send(FakePostgres::startup());
    port.wait_for_queued(1);
    postgres1_.become(FakePostgres::State::accepts);
    EXPECT_EQ(answer_to(client), FakePostgres::welcome("b1"));
}

TEST_F(PortStartupTest, TheStartupPacketGoesToTheNextMemberAtOnce) {
    ServedPort port(table_of({b1_}), holding_);
    auto on_b1 = session(port);
    b2_->connections = 5;
    let_accept(b2_);
    port.use(table_of({b1_, b2_}));
    for (const auto state : {FakePostgres::State::starts, FakePostgres::State::closes}) {
        postgres1_.become(state);
        let_accept(b1_);
        auto client = port.connect();
        client.send(FakePostgres::startup());
        EXPECT_EQ(answer_to(client), FakePostgres::welcome("b2"));
        EXPECT_EQ(b1_->reachability.state(), BackendState::not_ready);
    }
}

TEST_F(PortStartupTest, AnUnansweredSessionMovesOnWhenItsMemberLeavesTheTable) {
    let_accept(b1_);
    let_accept(b2_);
    for (const auto& request : {FakePostgres::startup("me"), FakePostgres::ssl_request()}) {
        ServedPort port(table_of({b1_}), holding_);
        fake(1).answer_by([](const std::string& /*request*/) { return ""; });  // it hangs
        const auto asked = fake(1).received_text().size();
        auto client = port.connect();
        client.send(request);
        fake(1).wait_for_received(asked + request.size());
        port.use(table_of({}));
        port.wait_for_queued(1);
        port.use(table_of({b2_}));
        if (request == FakePostgres::ssl_request()) {
            EXPECT_EQ(client.receive(1), "N");
            client.send(FakePostgres::startup("me"));
        }
        EXPECT_EQ(answer_to(client), FakePostgres::welcome("b2"));
        EXPECT_EQ(port.tally().members.at("b1").bytes_from_client, 0U);
    }
}

TEST_F(PortStartupTest, AnAnsweredSessionDoesNotMoveOn) {
    ServedPort port(table_of({b1_}), holding_);
    auto client = session(port);
    port.use(table_of({b2_}));
    client.wait_for_close();
    EXPECT_EQ(fake(2).received_text(), "");
}

TEST_F(PortStartupTest, BytesThatMayBeReplayedAreNotCountedYet) {
    let_accept(b1_);
    ServedPort port(table_of({b1_}), holding_);
    fake(1).answer_by([](const std::string& /*request*/) { return ""; });
    auto client = port.connect();
    client.send(FakePostgres::startup());
    fake(1).wait_for_received(FakePostgres::startup().size());
    EXPECT_EQ(port.tally().members.at("b1").bytes_from_client, 0U);
    fake(1).send_all(FakePostgres::welcome("b1"));
    EXPECT_EQ(answer_to(client), FakePostgres::welcome("b1"));
    EXPECT_EQ(port.tally().members.at("b1").bytes_from_client, FakePostgres::startup().size());
}

TEST_F(PortStartupTest, WithoutAQueueTheClientGetsTheServersRefusal) {
    postgres1_.become(FakePostgres::State::starts);
    ServedPort port(table_of({b1_}));
    auto client = port.connect();
    client.send(FakePostgres::startup());
    const std::string error = fatal_error(kCannotConnectNow, "b1 starts up");
    EXPECT_EQ(client.receive(error.size()), error);
}

TEST_F(PortStartupTest, AClientThatEveryServerRejectsIsGivenUp) {
    ServedPort port(table_of({b1_}), holding_);
    fake(1).answer_by([](const std::string& asked) -> std::optional<std::string> {
        if (asked == FakePostgres::startup("poison"))
            return std::nullopt;
        return FakePostgres::welcome("b1");
    });
    auto client = port.connect();
    client.send(FakePostgres::startup("poison"));
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    auto other = session(port);
    EXPECT_EQ(port.port().queued, 0U);
}

TEST_F(PortStartupTest, WithoutABackendTheClientGetsAPostgresError) {
    ServedPort port(table_of({}),
                    {.no_backend = NoBackend::postgres_error, .roles = "leader, sync"});
    const std::string expected =
        "no backends available for c/p (roles: leader, sync): Patroni names no member";
    auto plain = port.connect();
    plain.send(FakePostgres::startup());
    EXPECT_EQ(message_to(plain), expected);
    auto asks_for_tls = port.connect();
    for (const auto& request : {FakePostgres::gss_request(), FakePostgres::ssl_request()}) {
        asks_for_tls.send(request);
        EXPECT_EQ(asks_for_tls.receive(1), "N");
    }
    asks_for_tls.send(FakePostgres::startup());
    EXPECT_EQ(message_to(asks_for_tls), expected);
    port.wait_for_sessions(0);
    EXPECT_EQ(port.tally().refused[static_cast<std::size_t>(SessionEnd::no_backend)], 2U);
}

TEST_F(PortStartupTest, ClientsThatBeginWithTlsOrSayNothingAreNotAnswered) {
    ServedPort port(table_of({}), {.no_backend = NoBackend::postgres_error});
    auto tls = port.connect();
    tls.send("\x16\x03\x01 direct TLS");
    EXPECT_EQ(tls.receive_to_eof(), "");
    auto leaves = port.connect();
    leaves.close();
    auto silent = port.connect();
    EXPECT_EQ(silent.wait_for_close(), Closed::fin);
    port.wait_for_sessions(0);
}

TEST_F(PortStartupTest, AHeldClientIsToldWhyItWaitedInVain) {
    ServedPort port(table_of({b1_}),
                    {.queue_timeout = 300ms, .no_backend = NoBackend::postgres_error});
    postgres1_.become(FakePostgres::State::starts);
    auto client = port.connect();
    client.send(FakePostgres::startup());
    EXPECT_THAT(
        message_to(client),
        testing::MatchesRegex("no backends available within queue_timeout for c/p .roles: "
                              ".: after [0-9.]+ m?s: no eligible member accepts connections "
                              "yet: b1: b1 starts up"));
}

TEST_F(PortStartupTest, AHeldClientThatAServerRefusedIsToldToo) {
    ServedPort port(table_of({b1_}),
                    {.queue_timeout = 300ms, .no_backend = NoBackend::postgres_error});
    auto other = session(port);
    postgres1_.become(FakePostgres::State::starts);
    auto client = port.connect();
    client.send(FakePostgres::startup());
    EXPECT_THAT(message_to(client), HasSubstr("within queue_timeout for c/p"));
}

TEST_F(PortStartupTest, AServerThatSpeaksFirstIsNotPostgres) {
    FakeBackend greets({.name = "b3"});
    const auto b3 = backend_for(greets);
    ServedPort port(table_of({b3}), holding_);
    auto client = port.connect();
    EXPECT_EQ(client.receive_line(), "b3");
    client.send(FakePostgres::cancel_request());
    EXPECT_EQ(client.receive(16), FakePostgres::cancel_request());
}

TEST_F(PortStartupTest, EndsWithItsPortWhateverItIsDoing) {
    ServedPort port(table_of({b1_}),
                    {.connect_timeout = 1h, .no_backend = NoBackend::postgres_error});
    auto on_b1 = session(port);
    fake(1).answer_by([](const std::string& /*asked*/) { return std::string{}; });
    auto cancels = port.connect();
    cancels.send(FakePostgres::cancel_request());
    wait_for_cancel(fake(1), FakePostgres::cancel_request());
    port.use(table_of({}, {b1_}));
    auto refused = port.connect();
    port.wait_for_sessions(3);
    port.end_sessions(SessionEnd::proxy_stopped);
    for (auto* client : {&on_b1, &cancels, &refused})
        EXPECT_EQ(client->wait_for_close(), Closed::fin);
    EXPECT_EQ(b1_->connections, 0U);
}

}  // namespace
}  // namespace proxy
