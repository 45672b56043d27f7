#include "patroni_proxy/report/last_minute.h"

#include <gtest/gtest.h>

namespace proxy {
namespace {

using namespace std::chrono_literals;

TEST(LastMinuteTest, ForgetsWhatIsOlder) {
    LastMinute last;
    PortTimes times;
    LastMinute::Clock::time_point now{1h};
    for (int second = 0; second < 100; ++second) {
        times.connect.note(0.002);
        now += 1s;
        last.add(now, {{"main/rw", times}});
    }
    // Copies are ten seconds apart.
    const auto connects = last.since("main/rw", times).connect.total();
    EXPECT_GE(connects, 50U);
    EXPECT_LE(connects, 60U);
    EXPECT_LE(*last.since("main/rw", times).connect.quantile(0.99), 0.0025);
    EXPECT_FALSE(last.since("main/rw", times).held.quantile(0.5));
}

TEST(LastMinuteTest, WhoGoesOnWithTheCopiesSaysTheSame) {
    LastMinute former;
    PortTimes times;
    LastMinute::Clock::time_point now{1h};
    for (int second = 0; second < 100; ++second) {
        times.connect.note(0.002);
        now += 1s;
        former.add(now, {{"main/rw", times}});
    }
    LastMinute next;
    for (const auto& [at, copy] : former.copies())
        next.add(at, copy);
    for (int step = 0; step < 10; ++step) {
        EXPECT_EQ(next.since("main/rw", times).connect, former.since("main/rw", times).connect);
        times.connect.note(0.5);
        now += 7s;
        former.add(now, {{"main/rw", times}});
        next.add(now, {{"main/rw", times}});
    }
}

TEST(LastMinuteTest, OfANewPortEverythingCounts) {
    LastMinute last;
    last.add(LastMinute::Clock::time_point{1h}, {});
    PortTimes times;
    times.held.note(1);
    EXPECT_EQ(last.since("main/new", times).held.total(), 1U);
}

TEST(LastMinuteTest, TheTimesOfAPortAreThoseOfAllItsMembers) {
    PortTally tally;
    tally.members["p1"].connect_time.note(0.001);
    tally.members["p2"].connect_time.note(0.001);
    tally.held_time.note(2);
    EXPECT_EQ(times_of(tally).connect.total(), 2U);
    EXPECT_EQ(times_of(tally).held.total(), 1U);
}

}  // namespace
}  // namespace proxy
