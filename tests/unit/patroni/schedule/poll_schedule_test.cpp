// When a cluster is asked, in simulated time.

#include "patroni/schedule/poll_schedule.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni/schedule/candidate_checks.h"

namespace patroni {
namespace {

using namespace std::chrono_literals;
using Milliseconds = std::chrono::milliseconds;
using PollSummary = PollSchedule::PollSummary;
using testing::Contains;
using testing::ElementsAre;

constexpr Milliseconds kInterval{3'000};
constexpr auto kEnded = Trouble::ended;
constexpr auto kRefused = Trouble::refused;
const PollSummary kCalm{};
const PollSummary kNews{.expects_change = true};
const PollSummary kLeaderless{.expects_change = true, .leaderless = true};

PollSummary news_after(Clock::duration answer_took) {
    return {.expects_change = true, .answer_took = answer_took};
}
/// All is well, but for a switchover that is planned; negative: its time is past.
PollSummary switchover_in(Clock::duration time) {
    const std::chrono::system_clock::time_point now{480'000h};
    return {.switchover_at = now + time, .wall_clock = now};
}

std::int64_t none(std::int64_t /*least*/, std::int64_t /*most*/) {
    return 0;
}
std::int64_t earliest(std::int64_t least, std::int64_t /*most*/) {
    return least;
}
std::int64_t latest(std::int64_t /*least*/, std::int64_t most) {
    return most;
}

Milliseconds in_ms(Clock::duration time) {
    return std::chrono::duration_cast<Milliseconds>(time);
}

/// What trouble brought, and when after the beginning.
enum class Brought : std::uint8_t { alert, look, poll };
using BroughtWhen = std::pair<Brought, Milliseconds>;

/// A schedule with a hand on the clock.
class Case {
  public:
    explicit Case(PollSchedule::Chance chance = none, Clock::duration interval = kInterval)
        : schedule(interval, std::move(chance)) {}

    /// A poll that takes no time, now. How long after it the next one is due.
    Milliseconds poll(const PollSummary& summary) {
        schedule.poll_began(now);
        schedule.poll_ended(summary);
        ++begun;
        return until_next();
    }
    /// Polls as they are due, for that long: how many, if not thousands.
    int polls(Clock::duration time, const PollSummary& summary) {
        begun = 0;
        for (const auto end = now + time; schedule.next_poll_at() < end && begun < 5'000;) {
            now = std::max(now, schedule.next_poll_at());
            (void)poll(summary);
        }
        return begun;
    }
    [[nodiscard]] Milliseconds until_next() const { return in_ms(schedule.next_poll_at() - now); }

    /// Trouble again and again, every millisecond, with polls and looks as they are due.
    std::vector<BroughtWhen> troubles(bool of_leader, Clock::duration time) {
        std::vector<BroughtWhen> brought;
        for (const auto start = now; now < start + time; now += 1ms) {
            const auto since = in_ms(now - start);
            if (now >= schedule.next_poll_at()) {
                (void)poll(kCalm);
                brought.emplace_back(Brought::poll, since);
            }
            if (schedule.trouble(kEnded, of_leader, now))
                brought.emplace_back(Brought::alert, since);
            if (schedule.take_leader_check(now))
                brought.emplace_back(Brought::look, since);
        }
        return brought;
    }

    /// When after the beginning the candidate is asked, by who looks every millisecond.
    std::vector<Milliseconds> asked(const std::string& candidate, Clock::duration time) {
        std::vector<Milliseconds> times;
        for (const auto start = now; now < start + time; now += 1ms)
            if (candidate_checks.take(candidate, now))
                times.push_back(in_ms(now - start));
        return times;
    }

    PollSchedule schedule;
    CandidateChecks candidate_checks;
    Clock::time_point now{1h};
    int begun = 0;  ///< polls
};

// ---------------------------------------------------------------------------------------------
// Outside alert

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

// ---------------------------------------------------------------------------------------------
// Alert

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

// ---------------------------------------------------------------------------------------------
// A switchover that is planned

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

// ---------------------------------------------------------------------------------------------
// Candidates

TEST(PollSchedule, ACandidateIsAskedEvery50MsForFiveSecondsAtMost) {
    Case c;
    const auto asked = c.asked("p2", 1min);
    ASSERT_EQ(asked.size(), 99U);
    for (std::size_t i = 0; i < asked.size(); ++i)
        EXPECT_EQ(asked[i], (i + 1) * 50ms);
    EXPECT_EQ(c.candidate_checks.next_at(), Clock::time_point::max());
}

TEST(PollSchedule, WaitingForTheNextDueTimeMissesNoCheck) {
    Case c;
    EXPECT_FALSE(c.candidate_checks.take("p2", c.now));
    int asked = 0;
    for (int i = 0; i < 200 && c.candidate_checks.next_at() != Clock::time_point::max(); ++i) {
        c.now = c.candidate_checks.next_at();
        asked += c.candidate_checks.take("p2", c.now) ? 1 : 0;
    }
    EXPECT_EQ(asked, 99);
}

TEST(PollSchedule, ANewCandidateStartsAnew) {
    Case c;
    EXPECT_THAT(c.asked("p2", 110ms), ElementsAre(50ms, 100ms));
    EXPECT_THAT(c.asked("p3", 110ms), ElementsAre(50ms, 100ms));
    EXPECT_EQ(c.asked("p2", 1min).size(), 99U);
    EXPECT_EQ(c.asked("p3", 1min).size(), 99U);
}

TEST(PollSchedule, WithoutACandidateNobodyIsAsked) {
    Case c;
    EXPECT_THAT(c.asked("", 1s), ElementsAre());
    EXPECT_EQ(c.candidate_checks.next_at(), Clock::time_point::max());
    EXPECT_EQ(c.asked("p2", 6s).size(), 99U);
    EXPECT_THAT(c.asked("p2", 6s), ElementsAre()) << "for five seconds, not in every six";
    EXPECT_THAT(c.asked("", 1s), ElementsAre());
    EXPECT_EQ(c.candidate_checks.next_at(), Clock::time_point::max());
    EXPECT_EQ(c.asked("p2", 6s).size(), 99U) << "gone meanwhile";
}

TEST(PollSchedule, ACandidateThatIsAskedLateIsNotAskedTwiceForIt) {
    Case c;
    EXPECT_FALSE(c.candidate_checks.take("p2", c.now));
    c.now += 170ms;
    EXPECT_TRUE(c.candidate_checks.take("p2", c.now));
    EXPECT_FALSE(c.candidate_checks.take("p2", c.now + 49ms));
    EXPECT_TRUE(c.candidate_checks.take("p2", c.now + 50ms));
}

TEST(PollSchedule, ACandidateThatAnswersSlowlyIsAskedLess) {
    Case c;
    EXPECT_THAT(c.asked("p2", 51ms), ElementsAre(50ms));
    c.candidate_checks.answered("p2", 40ms);
    EXPECT_THAT(c.asked("p2", 200ms), ElementsAre(199ms));
    c.candidate_checks.answered("p3", 1s);
    EXPECT_THAT(c.asked("p2", 50ms), ElementsAre(49ms)) << "another one's answer";
    c.candidate_checks.answered("p2", 2ms);
    c.candidate_checks.answered("p2", 1s);
    EXPECT_THAT(c.asked("p2", 50ms), ElementsAre(49ms)) << "slow by chance";
    c.candidate_checks.answered("p2", 1s);
    EXPECT_THAT(c.asked("p2", 1s), ElementsAre(999ms)) << "but not for longer";
}

TEST(PollSchedule, ASlowCandidateDoesNotSlowTheNextOne) {
    Case c;
    EXPECT_THAT(c.asked("p2", 60ms), ElementsAre(50ms));
    c.candidate_checks.answered("p2", 1s);
    EXPECT_THAT(c.asked("p3", 51ms), ElementsAre(50ms));
    c.candidate_checks.answered("p3", 2ms);
    EXPECT_THAT(c.asked("p3", 50ms), ElementsAre(49ms));
}

// ---------------------------------------------------------------------------------------------
// Trouble of the data path

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

// ---------------------------------------------------------------------------------------------
// Positions

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
}  // namespace patroni
