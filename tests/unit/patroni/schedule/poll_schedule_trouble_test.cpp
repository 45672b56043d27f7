// Trouble on the data path, and a leader that does not answer, in simulated time.

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni/schedule/poll_schedule.h"
#include "schedule_case.h"

namespace patroni::schedule_tests {
namespace {

using testing::Contains;
using testing::ElementsAre;

TEST(PollSchedule, TheFirstTroubleOfAnyMemberStartsAnAlert) {
    for (const bool of_leader : {true, false}) {
        Case c;
        (void)c.poll(kCalm);
        EXPECT_TRUE(c.schedule.trouble(kEnded, of_leader, c.now));
        EXPECT_EQ(c.until_next(), 200ms) << "after the last poll";
        c.now += 1h;
        (void)c.poll(kCalm);
        c.now += 1s;
        EXPECT_TRUE(c.schedule.trouble(kEnded, of_leader, c.now));
        EXPECT_EQ(c.until_next(), -800ms) << "at once";
    }
}

TEST(PollSchedule, TroubleKeepsAnAlertForASecond) {
    for (const bool of_leader : {true, false}) {
        Case c;
        (void)c.poll(kCalm);
        c.now += 1s;
        (void)c.schedule.trouble(kEnded, of_leader, c.now);
        EXPECT_EQ(c.polls(1s, kCalm), 5);
        c.now += c.until_next();
        EXPECT_EQ(c.poll(kCalm), 3s);
    }
}

TEST(PollSchedule, TroubleNeverPutsAPollOff) {
    for (const bool of_leader : {true, false}) {
        Case c(none, 100ms);
        (void)c.poll(kCalm);
        EXPECT_TRUE(c.schedule.trouble(kEnded, of_leader, c.now));
        EXPECT_EQ(c.until_next(), 100ms);
        EXPECT_FALSE(c.schedule.trouble(kEnded, of_leader, c.now));
        EXPECT_EQ(c.until_next(), 100ms);
    }
}

TEST(PollSchedule, RepeatedTroubleOfTheLeaderCostsOneCheckPerSecondAtMost) {
    Case c;
    (void)c.poll(kCalm);
    auto brought = c.troubles(true, 5s);
    std::erase_if(brought, [](const auto& each) { return each.first == Brought::poll; });
    // It is not heard for 0.2 s, 0.6 s, and then a second each time.
    EXPECT_THAT(
        brought,
        ElementsAre(BroughtWhen(Brought::alert, 0ms), BroughtWhen(Brought::look, 200ms),
                    BroughtWhen(Brought::look, 800ms), BroughtWhen(Brought::look, 1'800ms),
                    BroughtWhen(Brought::look, 2'800ms), BroughtWhen(Brought::look, 3'800ms),
                    BroughtWhen(Brought::look, 4'800ms)));
    c.begun = 0;
    EXPECT_EQ(c.troubles(true, 10min).size(), 600U + 200U);
    EXPECT_EQ(c.begun, 200) << "polls: one an interval, as ever";
}

TEST(PollSchedule, ThrottledTroubleOfTheLeaderIsCheckedLater) {
    Case c;
    (void)c.troubles(true, 10s);
    ASSERT_TRUE(c.schedule.take_leader_check(c.now + 1s)) << "the last of it";
    c.now += 1'500ms;
    EXPECT_EQ(c.schedule.next_leader_check_at(), Clock::time_point::max());
    ASSERT_FALSE(c.schedule.trouble(kEnded, true, c.now));
    EXPECT_FALSE(c.schedule.take_leader_check(c.now));
    EXPECT_EQ(in_ms(c.schedule.next_leader_check_at() - c.now), 500ms);
    EXPECT_FALSE(c.schedule.take_leader_check(c.now + 499ms));
    EXPECT_TRUE(c.schedule.take_leader_check(c.now + 500ms));
    EXPECT_FALSE(c.schedule.take_leader_check(c.now + 1h)) << "once";
}

TEST(PollSchedule, RepeatedTroubleOfTheLeaderBringsNoPollForward) {
    Case c;
    (void)c.troubles(true, 10s);
    (void)c.poll(kCalm);
    c.now += 1s;
    ASSERT_FALSE(c.schedule.trouble(kEnded, true, c.now));
    EXPECT_TRUE(c.schedule.take_leader_check(c.now));
    EXPECT_EQ(c.until_next(), 2s);
}

TEST(PollSchedule, ASilentLeaderStartsAnAlertUntilItAnswers) {
    for (const bool answers : {true, false}) {
        Case c;
        (void)c.poll(kCalm);
        c.now += 1s;
        c.schedule.leader_asked(c.now);
        EXPECT_EQ(in_ms(c.schedule.next_leader_check_at() - c.now), 150ms);
        c.now += 149ms;
        EXPECT_FALSE(c.schedule.take_leader_check(c.now));
        EXPECT_EQ(c.until_next(), 1'851ms);
        if (answers)
            c.schedule.leader_answered(149ms);
        c.now += 1ms;
        EXPECT_FALSE(c.schedule.take_leader_check(c.now));
        EXPECT_EQ(c.until_next(), answers ? 1'850ms : -950ms);
        EXPECT_EQ(c.schedule.next_leader_check_at(), Clock::time_point::max());
        EXPECT_EQ(c.poll(kCalm), answers ? 3s : 200ms);
        EXPECT_EQ(c.schedule.patience(false), answers ? 1s : 200ms);
        c.schedule.leader_answered(std::nullopt);
        EXPECT_EQ(c.poll(kCalm), 3s);
    }
}

TEST(PollSchedule, ADueCheckIsNotPutOffByAnotherKindOfTrouble) {
    Case c;
    EXPECT_TRUE(c.schedule.trouble(kEnded, true, c.now));
    c.now += 100ms;
    EXPECT_FALSE(c.schedule.trouble(kEnded, true, c.now));
    EXPECT_TRUE(c.schedule.trouble(kRefused, true, c.now));
    EXPECT_FALSE(c.schedule.trouble(kRefused, true, c.now));
    EXPECT_EQ(in_ms(c.schedule.next_leader_check_at() - c.now), 100ms);
}

TEST(PollSchedule, ALeaderThatIsAlwaysSlowIsNotSilent) {
    Case c;
    const auto patience = [&] {
        c.schedule.leader_asked(c.now);
        return in_ms(c.schedule.next_leader_check_at() - c.now);
    };
    EXPECT_EQ(patience(), 150ms);
    c.schedule.leader_answered(30ms);
    EXPECT_EQ(patience(), 150ms);
    c.schedule.leader_answered(300ms);
    EXPECT_EQ(patience(), 1'200ms);
    c.schedule.leader_answered(std::nullopt);
    EXPECT_EQ(patience(), 1'200ms) << "that it cannot be asked says nothing";
    c.schedule.leader_changed();
    EXPECT_EQ(c.schedule.next_leader_check_at(), Clock::time_point::max());
    EXPECT_EQ(patience(), 150ms) << "another API";
}

TEST(PollSchedule, RepeatedTroubleOfOthersCostsOnePollPerFourSecondsAtMost) {
    Case c(none, 1h);
    (void)c.poll(kCalm);
    auto brought = c.troubles(false, 20s);
    // It is not heard for 0.2, 0.6, 1.4 and 3 seconds, and then four each time. The second in which
    // the first is looked at comes before.
    std::erase_if(brought, [](const auto& each) { return each.second < 2s; });
    EXPECT_THAT(
        brought,
        ElementsAre(BroughtWhen(Brought::poll, 2'200ms), BroughtWhen(Brought::poll, 5'200ms),
                    BroughtWhen(Brought::poll, 9'200ms), BroughtWhen(Brought::poll, 13'200ms),
                    BroughtWhen(Brought::poll, 17'200ms)));
    c.begun = 0;
    EXPECT_EQ(c.troubles(false, 10min).size(), 150U);
    EXPECT_EQ(c.begun, 150);
}

TEST(PollSchedule, ThrottledTroubleOfOthersBringsAPollLater) {
    Case c(none, 1h);
    (void)c.troubles(false, 17'201ms);  // it is not heard for four seconds from here on
    (void)c.poll(kCalm);
    ASSERT_EQ(c.until_next(), 1h) << "which has looked at what came before";
    c.now += 1s;
    ASSERT_FALSE(c.schedule.trouble(kEnded, false, c.now));
    EXPECT_EQ(c.until_next(), 2'999ms);
    EXPECT_FALSE(c.schedule.take_leader_check(c.now + 1h)) << "it is none of the leader's";
}

TEST(PollSchedule, TroubleOfOthersDoesNotHideTheLeaders) {
    Case c;
    (void)c.troubles(false, 1min);
    ASSERT_FALSE(c.schedule.trouble(kEnded, false, c.now));
    EXPECT_TRUE(c.schedule.trouble(kEnded, true, c.now));
}

TEST(PollSchedule, SessionsThatEndDoNotHideALeaderThatRefuses) {
    Case c;
    (void)c.troubles(true, 1min);
    ASSERT_FALSE(c.schedule.trouble(kEnded, true, c.now));
    EXPECT_TRUE(c.schedule.trouble(kRefused, true, c.now));
    EXPECT_LE(c.until_next(), 200ms);
    // It is no news for ever either, and looks are for both.
    EXPECT_FALSE(c.schedule.trouble(kRefused, true, c.now));
    int looks = 0;
    for (const auto end = c.now + 10min; c.now < end; c.now += 1ms) {
        EXPECT_FALSE(c.schedule.trouble(kRefused, true, c.now));
        EXPECT_FALSE(c.schedule.trouble(kEnded, true, c.now));
        looks += c.schedule.take_leader_check(c.now) ? 1 : 0;
    }
    EXPECT_NEAR(looks, 600, 2);
    for (const auto end = c.now + 10s; c.now < end; c.now += 1ms) {
        EXPECT_FALSE(c.schedule.trouble(kEnded, true, c.now));
        (void)c.schedule.take_leader_check(c.now);
    }
    EXPECT_TRUE(c.schedule.trouble(kRefused, true, c.now)) << "there was none for ten seconds";
    c.schedule.leader_changed();
    EXPECT_TRUE(c.schedule.trouble(kRefused, true, c.now));
}

TEST(PollSchedule, RepeatedTroubleOfOthersBringsAPollForward) {
    Case c;
    (void)c.troubles(false, 10s);
    (void)c.poll(kCalm);
    c.now += 4s;
    ASSERT_FALSE(c.schedule.trouble(kEnded, false, c.now));
    EXPECT_LE(c.until_next(), 0ms) << "at once";
}

TEST(PollSchedule, AfterTenSecondsWithoutTroubleItCountsAsTheFirst) {
    for (const bool of_leader : {true, false}) {
        const std::vector<std::pair<Clock::duration, bool>> cases{
            {0ms, false}, {5s, false}, {9'999ms, false}, {10s, true}, {1h, true}};
        for (const auto& [later, is_news] : cases) {
            Case c;
            (void)c.schedule.trouble(kEnded, of_leader, c.now);
            EXPECT_EQ(c.schedule.trouble(kEnded, of_leader, c.now + later), is_news)
                << in_ms(later).count();
        }
    }
    // What is forgiven begins anew, from the shortest time on.
    Case c;
    (void)c.troubles(true, 1min);
    (void)c.schedule.take_leader_check(c.now + 1s);
    c.now += 12s;
    const auto brought = c.troubles(true, 1s);
    EXPECT_THAT(brought, Contains(BroughtWhen(Brought::alert, 0ms)));
    EXPECT_THAT(brought, Contains(BroughtWhen(Brought::look, 200ms)));
    EXPECT_THAT(brought, Contains(BroughtWhen(Brought::look, 800ms)));
}

TEST(PollSchedule, AfterAChangeOfLeaderTroubleCountsAsTheFirst) {
    Case c;
    (void)c.troubles(true, 1min);
    ASSERT_NE(c.schedule.next_leader_check_at(), Clock::time_point::max());
    c.schedule.leader_changed();
    EXPECT_EQ(c.schedule.next_leader_check_at(), Clock::time_point::max())
        << "it was that of another";
    const auto brought = c.troubles(true, 1s);
    EXPECT_THAT(brought, Contains(BroughtWhen(Brought::alert, 0ms)));
    EXPECT_THAT(brought, Contains(BroughtWhen(Brought::look, 200ms)));
}

}  // namespace
}  // namespace patroni::schedule_tests
