#include "patroni_proxy/backend/reachability.h"

#include <chrono>

#include <gtest/gtest.h>

namespace proxy {
namespace {

void say(Reachability& reachability, BackendState reach) {
    EXPECT_TRUE(reachability.note_answer(reachability.moment(), reach, "its words"));
}

TEST(ReachabilityTest, NothingIsKnownAtFirst) {
    const Reachability reachability;
    EXPECT_EQ(reachability.state(), BackendState::unknown);
    EXPECT_FALSE(reachability.accepts());
    EXPECT_FALSE(reachability.is_failing());
    EXPECT_EQ(reachability.why_failing(), "");
}

TEST(ReachabilityTest, ItsAnswerCounts) {
    Reachability reachability;
    EXPECT_EQ(reachability.note_answer(reachability.moment(), BackendState::not_ready, "it starts"),
              BackendState::unknown);
    EXPECT_TRUE(reachability.is_failing());
    EXPECT_EQ(reachability.why_failing(), "it starts");
    EXPECT_EQ(reachability.note_answer(reachability.moment(), BackendState::accepts),
              BackendState::not_ready);
    EXPECT_TRUE(reachability.accepts());
    EXPECT_EQ(reachability.why_failing(), "");
}

TEST(ReachabilityTest, AnAnswerFromBeforeAFailureDoesNotCount) {
    Reachability reachability;
    const auto asked_at = reachability.moment();
    EXPECT_TRUE(reachability.note_failure(BackendState::refuses, "Connection refused"));
    EXPECT_FALSE(reachability.note_failure(BackendState::hangs, "timed out")) << "it failed before";
    EXPECT_EQ(reachability.note_answer(asked_at, BackendState::accepts), std::nullopt);
    EXPECT_EQ(reachability.note_answer(asked_at, BackendState::not_ready, "it starts"),
              std::nullopt);
    EXPECT_EQ(reachability.state(), BackendState::hangs);
    EXPECT_EQ(reachability.why_failing(), "timed out");
}

TEST(ReachabilityTest, ItFailsSinceItsFirstFailureInARow) {
    Reachability reachability;
    EXPECT_FALSE(reachability.failing_since());
    (void)reachability.note_failure(BackendState::refuses, "Connection refused");
    const auto first = reachability.failing_since();
    ASSERT_TRUE(first);
    EXPECT_LE(*first, std::chrono::steady_clock::now());
    (void)reachability.note_failure(BackendState::hangs, "timed out");
    say(reachability, BackendState::not_ready);
    EXPECT_EQ(reachability.failing_since(), first);
    say(reachability, BackendState::accepts);
    EXPECT_FALSE(reachability.failing_since());
    say(reachability, BackendState::not_ready);
    EXPECT_GT(reachability.failing_since(), first);
}

TEST(ReachabilityTest, AnEndedSessionCastsDoubtOnAnAcceptingBackend) {
    Reachability reachability;
    say(reachability, BackendState::accepts);
    const auto asked_at = reachability.moment();
    reachability.note_doubt();
    EXPECT_EQ(reachability.state(), BackendState::unknown);
    EXPECT_EQ(reachability.note_answer(asked_at, BackendState::accepts), std::nullopt);
    const auto asked_again_at = reachability.moment();
    reachability.note_doubt();
    EXPECT_TRUE(reachability.note_answer(asked_again_at, BackendState::accepts))
        << "one that ends sessions all the time would never be believed";
}

TEST(ReachabilityTest, AConnectClearsAFailedConnect) {
    for (const auto reach : {BackendState::refuses, BackendState::hangs}) {
        Reachability reachability;
        reachability.note_failure(reach, "why");
        reachability.note_connected();
        EXPECT_EQ(reachability.state(), BackendState::unknown);
    }
    Reachability starts;
    starts.note_failure(BackendState::not_ready, "why");
    starts.note_connected();
    EXPECT_EQ(starts.state(), BackendState::not_ready) << "a server that starts takes connects";
    Reachability accepts;
    say(accepts, BackendState::accepts);
    accepts.note_connected();
    EXPECT_TRUE(accepts.accepts());
}

TEST(ReachabilityTest, OnlyTheFirstThatWaitsHasItAsked) {
    Reachability reachability;
    EXPECT_TRUE(reachability.begin_waiting());
    EXPECT_FALSE(reachability.begin_waiting());
    reachability.end_waiting();
    EXPECT_TRUE(reachability.begin_waiting());
}

TEST(ReachabilityTest, AConnectIsSeenOnce) {
    Reachability reachability;
    EXPECT_FALSE(reachability.take_connected());
    reachability.note_connected();
    EXPECT_TRUE(reachability.take_connected());
    EXPECT_FALSE(reachability.take_connected());
}

TEST(ReachabilityTest, EachTroubleIsReportedOnceUntilReportsAreAllowedAgain) {
    Reachability reachability;
    for (int i = 0; i < 2; ++i) {
        EXPECT_TRUE(reachability.begin_report(Trouble::ended));
        EXPECT_FALSE(reachability.begin_report(Trouble::ended));
        EXPECT_TRUE(reachability.begin_report(Trouble::refused));
        EXPECT_FALSE(reachability.begin_report(Trouble::refused));
        reachability.allow_reports();
    }
}

}  // namespace
}  // namespace proxy
