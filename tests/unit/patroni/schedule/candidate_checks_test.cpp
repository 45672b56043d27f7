// When a candidate is asked between polls, in simulated time.

#include "patroni/schedule/candidate_checks.h"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schedule_case.h"

namespace patroni::schedule_tests {
namespace {

using testing::ElementsAre;

/// CandidateChecks with a hand on the clock.
class Candidates {
  public:
    /// When after the beginning the candidate is asked, by who looks every millisecond.
    std::vector<Milliseconds> asked(const std::string& candidate, Clock::duration time) {
        std::vector<Milliseconds> times;
        for (const auto start = now; now < start + time; now += 1ms)
            if (checks.take(candidate, now))
                times.push_back(in_ms(now - start));
        return times;
    }

    CandidateChecks checks;
    Clock::time_point now{1h};
};

TEST(CandidateChecksTest, ACandidateIsAskedEvery50MsForFiveSecondsAtMost) {
    Candidates c;
    const auto asked = c.asked("p2", 1min);
    ASSERT_EQ(asked.size(), 99U);
    for (std::size_t i = 0; i < asked.size(); ++i)
        EXPECT_EQ(asked[i], (i + 1) * 50ms);
    EXPECT_EQ(c.checks.next_at(), Clock::time_point::max());
}

TEST(CandidateChecksTest, WaitingForTheNextDueTimeMissesNoCheck) {
    Candidates c;
    EXPECT_FALSE(c.checks.take("p2", c.now));
    int asked = 0;
    for (int i = 0; i < 200 && c.checks.next_at() != Clock::time_point::max(); ++i) {
        c.now = c.checks.next_at();
        asked += c.checks.take("p2", c.now) ? 1 : 0;
    }
    EXPECT_EQ(asked, 99);
}

TEST(CandidateChecksTest, ANewCandidateStartsAnew) {
    Candidates c;
    EXPECT_THAT(c.asked("p2", 110ms), ElementsAre(50ms, 100ms));
    EXPECT_THAT(c.asked("p3", 110ms), ElementsAre(50ms, 100ms));
    EXPECT_EQ(c.asked("p2", 1min).size(), 99U);
    EXPECT_EQ(c.asked("p3", 1min).size(), 99U);
}

TEST(CandidateChecksTest, WithoutACandidateNobodyIsAsked) {
    Candidates c;
    EXPECT_THAT(c.asked("", 1s), ElementsAre());
    EXPECT_EQ(c.checks.next_at(), Clock::time_point::max());
    EXPECT_EQ(c.asked("p2", 6s).size(), 99U);
    EXPECT_THAT(c.asked("p2", 6s), ElementsAre()) << "for five seconds, not in every six";
    EXPECT_THAT(c.asked("", 1s), ElementsAre());
    EXPECT_EQ(c.checks.next_at(), Clock::time_point::max());
    EXPECT_EQ(c.asked("p2", 6s).size(), 99U) << "gone meanwhile";
}

TEST(CandidateChecksTest, ACandidateThatIsAskedLateIsNotAskedTwiceForIt) {
    Candidates c;
    EXPECT_FALSE(c.checks.take("p2", c.now));
    c.now += 170ms;
    EXPECT_TRUE(c.checks.take("p2", c.now));
    EXPECT_FALSE(c.checks.take("p2", c.now + 49ms));
    EXPECT_TRUE(c.checks.take("p2", c.now + 50ms));
}

TEST(CandidateChecksTest, ACandidateThatAnswersSlowlyIsAskedLess) {
    Candidates c;
    EXPECT_THAT(c.asked("p2", 51ms), ElementsAre(50ms));
    c.checks.answered("p2", 40ms);
    EXPECT_THAT(c.asked("p2", 200ms), ElementsAre(199ms));
    c.checks.answered("p3", 1s);
    EXPECT_THAT(c.asked("p2", 50ms), ElementsAre(49ms)) << "another one's answer";
    c.checks.answered("p2", 2ms);
    c.checks.answered("p2", 1s);
    EXPECT_THAT(c.asked("p2", 50ms), ElementsAre(49ms)) << "slow by chance";
    c.checks.answered("p2", 1s);
    EXPECT_THAT(c.asked("p2", 1s), ElementsAre(999ms)) << "but not for longer";
}

TEST(CandidateChecksTest, ASlowCandidateDoesNotSlowTheNextOne) {
    Candidates c;
    EXPECT_THAT(c.asked("p2", 60ms), ElementsAre(50ms));
    c.checks.answered("p2", 1s);
    EXPECT_THAT(c.asked("p3", 51ms), ElementsAre(50ms));
    c.checks.answered("p3", 2ms);
    EXPECT_THAT(c.asked("p3", 50ms), ElementsAre(49ms));
}

}  // namespace
}  // namespace patroni::schedule_tests
