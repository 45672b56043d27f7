// When a cluster is polled, in simulated time.

#include "patroni/schedule/poll_schedule.h"

#include <chrono>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schedule_case.h"

namespace patroni::schedule_tests {
namespace {

TEST(PollSchedule, TheFirstPollIsDueAtOnce) {
    EXPECT_LE(Case().schedule.next_poll_at(), Clock::time_point{});
}

TEST(PollSchedule, PollsAreTheIntervalApartWithAJitterOfFivePercent) {
    EXPECT_EQ(Case(none).poll(kCalm), 3'000ms);
    EXPECT_EQ(Case(earliest).poll(kCalm), 2'850ms);
    EXPECT_EQ(Case(latest).poll(kCalm), 3'150ms);
    EXPECT_EQ(Case(latest, 1ms).poll(kCalm), 1ms) << "1.05 ms";
}

TEST(PollSchedule, TheIntervalIsCountedFromTheBeginningOfAPoll) {
    Case c;
    c.schedule.poll_began(c.now);
    c.now += 700ms;
    c.schedule.poll_ended(kCalm);
    EXPECT_EQ(c.until_next(), 2'300ms);
}

TEST(PollSchedule, ACalmClusterGetsOneRequestPerSecondAtMost) {
    constexpr int requests_a_poll = 2;  // GET /cluster, and GET /primary of the leader
    constexpr int seconds = 3'600;
    // At the interval's average, and even where chance is always against it.
    Case average([random = std::mt19937{1}](std::int64_t least, std::int64_t most) mutable {
        return std::uniform_int_distribution<std::int64_t>(least, most)(random);
    });
    const int count = average.polls(1h, kCalm);
    EXPECT_GE(count, 1'190);
    EXPECT_LE(count, 1'210);
    EXPECT_LE(count * requests_a_poll, seconds);
    EXPECT_LE(Case(earliest).polls(1h, kCalm) * requests_a_poll, seconds);
}

TEST(PollSchedule, RestartPollsAtOnceAndSetsTheInterval) {
    Case c;
    (void)c.poll(kCalm);
    c.now += 1s;
    c.schedule.restart(7s, c.now);
    EXPECT_EQ(c.until_next(), 0ms);
    EXPECT_EQ(c.poll(kCalm), 7s);
}

TEST(PollSchedule, RestartKeepsTheAgeOfAnAlert) {
    Case c;
    (void)c.poll(kNews);
    c.now += 5min;
    c.schedule.restart(kInterval, c.now);
    EXPECT_EQ(c.poll(kNews), 1s);
}

TEST(PollSchedule, InAlertPollsAre200MsApart) {
    EXPECT_EQ(Case(none).poll(kNews), 200ms);
    EXPECT_EQ(Case(earliest).poll(kNews), 190ms);
    EXPECT_EQ(Case(latest).poll(kNews), 210ms);
    EXPECT_EQ(Case().polls(1min, kNews), 300);
}

TEST(PollSchedule, WithoutALeaderTheyAre100MsApartForFiveSeconds) {
    EXPECT_EQ(Case(none).poll(kLeaderless), 100ms);
    EXPECT_EQ(Case(earliest).poll(kLeaderless), 95ms);
    EXPECT_EQ(Case(latest).poll(kLeaderless), 105ms);
    Case c;
    EXPECT_EQ(c.polls(5s, kLeaderless), 50);
    EXPECT_EQ(c.polls(5s, kLeaderless), 25);
    EXPECT_EQ(c.poll(kNews), 200ms);
    EXPECT_EQ(c.poll(kLeaderless), 100ms) << "somebody led, and no more";
    Case killed;
    EXPECT_EQ(killed.polls(20s, kNews), 100);
    EXPECT_EQ(killed.poll(kLeaderless), 100ms) << "the lock has expired";
}

TEST(PollSchedule, WithASilentLeaderTheyAre100MsApartUnlessAnswersAreSlow) {
    const auto silent_leader = [](Clock::duration answer_took) {
        return PollSummary{
            .expects_change = true, .leader_is_silent = true, .answer_took = answer_took};
    };
    Case c;
    EXPECT_EQ(c.polls(20s, silent_leader(1ms)), 200) << "for as long as a lock may last";
    EXPECT_EQ(c.poll(silent_leader(30ms)), 100ms) << "slow by chance";
    EXPECT_EQ(c.poll(silent_leader(30ms)), 600ms);
    EXPECT_EQ(c.poll(kNews), 200ms);
}

TEST(PollSchedule, AMissingLeaderAloneStartsNoAlert) {
    EXPECT_EQ(Case().poll({.leaderless = true}), kInterval);
}

TEST(PollSchedule, SlowAnswersStretchItButNotBeyondASecondOrTheInterval) {
    const std::vector<std::pair<Milliseconds, Milliseconds>> cases{
        {0ms, 200ms},    {1ms, 200ms},    {10ms, 200ms}, {11ms, 220ms},
        {50ms, 1'000ms}, {51ms, 1'000ms}, {10s, 1'000ms}};
    for (const auto& [answer_took, apart] : cases)
        EXPECT_EQ(Case().poll(news_after(answer_took)), apart) << answer_took.count() << " ms";
    EXPECT_EQ(Case(earliest).poll(news_after(50ms)), 950ms);
    EXPECT_EQ(Case(latest).poll(news_after(10s)), 1'050ms) << "hundreds must not get in step";
    EXPECT_EQ(Case(none, 500ms).poll(news_after(10s)), 500ms) << "whose interval is shorter";
    EXPECT_EQ(Case(none, 50ms).poll(kLeaderless), 50ms) << "whose interval is shorter still";
    for (const auto& [answer_took, apart] : std::vector<std::pair<Milliseconds, Milliseconds>>{
             {5ms, 100ms}, {6ms, 120ms}, {15ms, 300ms}, {10s, 300ms}})
        EXPECT_EQ(
            Case().poll({.expects_change = true, .leaderless = true, .answer_took = answer_took}),
            apart);
}

TEST(PollSchedule, OneSlowAnswerStretchesNothing) {
    Case c;
    EXPECT_EQ(c.poll(news_after(5ms)), 200ms);
    EXPECT_EQ(c.poll(news_after(1s)), 200ms) << "the one before was not";
    EXPECT_EQ(c.poll(news_after(30ms)), 600ms) << "two";
    EXPECT_EQ(c.poll(news_after(40ms)), 600ms);
    EXPECT_EQ(c.poll(news_after(40ms)), 800ms);
    EXPECT_EQ(c.poll(news_after(0ms)), 200ms) << "nobody answered";
    EXPECT_EQ(c.poll(news_after(40ms)), 800ms) << "which says nothing of the next";
}

TEST(PollSchedule, OneSlowAnswerAfterCalmStretchesNothing) {
    Case c;
    (void)c.poll({.answer_took = 5ms});
    EXPECT_EQ(c.poll(news_after(1s)), 200ms);
}

TEST(PollSchedule, OutsideAlertASlowAnswerChangesNothing) {
    EXPECT_EQ(Case().poll({.answer_took = 10s}), kInterval);
    EXPECT_EQ(Case().poll({.answer_took = 10ms}), kInterval);
}

TEST(PollSchedule, AnAlertThatLastsForMinutesPollsLessAndLess) {
    const std::vector<std::pair<Clock::duration, Milliseconds>> cases{
        {60s, 200ms},     {90s, 300ms},     {5min, 1'000ms}, {10min, 2'000ms},
        {15min, 3'000ms}, {20min, 3'000ms}, {24h, 3'000ms}};
    for (const auto& [age, apart] : cases) {
        Case c;
        (void)c.poll(kNews);
        c.now += age;
        EXPECT_EQ(c.poll(kNews), apart) << in_ms(age).count() << " ms";
    }
}

TEST(PollSchedule, AnAlertEndsWithTheReasonAndTheNextOneBeginsAtFullPace) {
    Case c;
    (void)c.poll(kNews);
    c.now += 10min;
    ASSERT_EQ(c.poll(kNews), 2s);
    EXPECT_EQ(c.poll(kCalm), kInterval);
    EXPECT_EQ(c.poll(kNews), 200ms);
}

TEST(PollSchedule, AnAlertGoesOnAtFullPaceAfterAChangeOfLeader) {
    Case c;
    (void)c.poll(kNews);
    c.now += 10min;
    ASSERT_EQ(c.poll(kNews), 2s);
    c.schedule.leader_changed();
    EXPECT_EQ(c.until_next(), 2s) << "who leads now may be beyond doubt already";
    EXPECT_EQ(c.poll(kNews), 200ms);
    (void)c.polls(10s, kLeaderless);
    ASSERT_EQ(c.poll(kLeaderless), 200ms);
    c.schedule.leader_changed();
    EXPECT_EQ(c.poll(kLeaderless), 100ms);
}

TEST(PollSchedule, DoubtBetweenPollsBringsTheNextOneForward) {
    Case c;
    (void)c.poll(kCalm);
    c.schedule.doubt(c.now);
    EXPECT_EQ(c.until_next(), 200ms) << "after the last one";
    c.now += 1s;
    (void)c.poll(kCalm);
    c.now += 500ms;
    c.schedule.doubt(c.now);
    EXPECT_EQ(c.until_next(), -300ms) << "at once";
}

TEST(PollSchedule, DoubtNeverPutsAPollOff) {
    Case c(none, 100ms);
    (void)c.poll(kCalm);
    c.schedule.doubt(c.now);
    EXPECT_EQ(c.until_next(), 100ms);
}

TEST(PollSchedule, DoubtInAlertChangesNothing) {
    Case c;
    (void)c.poll(news_after(100ms));
    c.schedule.doubt(c.now);
    EXPECT_EQ(c.until_next(), 1s) << "its answers are slow";
    c.schedule.leader_changed();
    c.schedule.doubt(c.now);
    EXPECT_EQ(c.until_next(), 200ms);
}

TEST(PollSchedule, AnAlertBeginsWithTheDoubtAndNotWithThePollThatFollows) {
    Case c;
    (void)c.poll(kCalm);
    c.now += 1s;
    c.schedule.poll_began(c.now);
    c.schedule.doubt(c.now);
    EXPECT_EQ(c.schedule.patience(false), 200ms) << "in the poll under way too";
    EXPECT_EQ(c.schedule.patience(), 200ms);
    c.schedule.poll_ended(kCalm);
    EXPECT_EQ(c.until_next(), 3s);
    EXPECT_TRUE(c.schedule.trouble(kEnded, true, c.now));
    EXPECT_EQ(c.schedule.patience(false), 200ms);
}

TEST(PollSchedule, AWantedPollIsAtLeast100MsAfterTheLastOne) {
    Case c;
    c.schedule.want_poll();
    EXPECT_LE(c.until_next(), 0ms);
    (void)c.poll(kCalm);
    c.schedule.want_poll();
    EXPECT_EQ(c.until_next(), 100ms);
    (void)c.poll(kCalm);
    EXPECT_EQ(c.until_next(), 3s);
    c.now += 1s;
    c.schedule.want_poll();
    EXPECT_LE(c.until_next(), 0ms) << "at once";
    Case often(none, 50ms);
    (void)often.poll(kCalm);
    often.schedule.want_poll();
    EXPECT_EQ(often.until_next(), 50ms) << "it never puts one off";
}

TEST(PollSchedule, TheNextHostIsAskedAfterASecondOrSoonerInAlert) {
    Case c;
    EXPECT_EQ(c.schedule.patience(), 1s);
    (void)c.poll(kNews);
    EXPECT_EQ(c.schedule.patience(), 200ms);
}

TEST(PollSchedule, MembersGetASecondOrLessInAlertUnlessSomebodyWaits) {
    Case c;
    EXPECT_EQ(c.schedule.patience(false), 1s);
    (void)c.poll(kNews);
    EXPECT_EQ(c.schedule.patience(false), 200ms);
    EXPECT_EQ(c.schedule.patience(true), 1s);
    (void)c.poll(kCalm);
    EXPECT_EQ(c.schedule.patience(false), 1s);
}

TEST(PollSchedule, APlannedSwitchoverThatIsNearStartsAnAlert) {
    const std::vector<std::pair<Milliseconds, Milliseconds>> cases{
        {24h, 3'000ms},        // far away
        {5'001ms, 3'000ms},    // near only after the next poll
        {4'500ms, 2'500ms},    // the next poll is when it is near
        {2'001ms, 1ms},        //
        {2'000ms, 200ms},      // near
        {0ms, 200ms},          // now
        {-1'000ms, 200ms},     // under way
        {-59'999ms, 200ms},    // a long one
        {-60'000ms, 3'000ms},  // long past
        {-24h, 3'000ms}};
    for (const auto& [time, apart] : cases)
        EXPECT_EQ(Case().poll(switchover_in(time)), apart) << "in " << time.count() << " ms";
    EXPECT_EQ(Case(earliest).poll(switchover_in(5s)), 2'850ms);
}

TEST(PollSchedule, AnAlertForASwitchoverEndsWithIt) {
    Case c;
    ASSERT_EQ(c.poll(switchover_in(1s)), 200ms);
    ASSERT_EQ(c.schedule.patience(false), 200ms);
    EXPECT_EQ(c.poll(kCalm), kInterval);
    EXPECT_EQ(c.schedule.patience(false), 1s);
}

TEST(PollSchedule, PositionsAreAskedInEveryPollInAlertOnceAnInterval) {
    Case c;
    EXPECT_TRUE(c.schedule.take_positions(c.now));
    EXPECT_TRUE(c.schedule.take_positions(c.now));
    (void)c.poll(kNews);
    EXPECT_FALSE(c.schedule.take_positions(c.now + kInterval - 1ms));
    EXPECT_TRUE(c.schedule.take_positions(c.now + kInterval));
    EXPECT_FALSE(c.schedule.take_positions(c.now + 2 * kInterval - 1ms)) << "counted from the last";
    (void)c.poll(kCalm);
    EXPECT_TRUE(c.schedule.take_positions(c.now + kInterval));
}

}  // namespace
}  // namespace patroni::schedule_tests
