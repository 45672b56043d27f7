#include "net/loop/timer.h"

#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace net {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Gt;
using testing::Le;

/// No test waits: a negative delay is one that is over.
class TimerTest : public testing::Test {
  protected:
    Timer timer(char name) {
        return {queue_, [this, name] { fired_ += name; }};
    }

    TimerQueue queue_;
    std::string fired_;
};

TEST_F(TimerTest, FiresInTheOrderOfDueTimes) {
    Timer a = timer('a');
    Timer b = timer('b');
    Timer c = timer('c');
    b.arm(-2s);
    c.arm(-1s);
    a.arm(-3s);
    queue_.fire_due();
    EXPECT_EQ(fired_, "abc");
}

TEST_F(TimerTest, FiresOnceAndIsNoLongerArmed) {
    Timer a = timer('a');
    a.arm(0s);
    EXPECT_TRUE(a.armed());
    queue_.fire_due();
    EXPECT_FALSE(a.armed());
    queue_.fire_due();
    EXPECT_EQ(fired_, "a");
}

TEST_F(TimerTest, IsNotArmedAnyMoreWhenItCallsBack) {
    std::optional<bool> armed;
    std::unique_ptr<Timer> a;
    a = std::make_unique<Timer>(queue_, [&] { armed = a->armed(); });
    a->arm(-1s);
    queue_.fire_due();
    EXPECT_EQ(armed, false);
}

TEST_F(TimerTest, DoesNotFireBeforeItsTime) {
    Timer a = timer('a');
    a.arm(1h);
    queue_.fire_due();
    EXPECT_EQ(fired_, "");
    EXPECT_TRUE(a.armed());
}

TEST_F(TimerTest, DoesNotFireOnceCancelled) {
    Timer a = timer('a');
    a.arm(-1s);
    a.cancel();
    EXPECT_FALSE(a.armed());
    queue_.fire_due();
    EXPECT_EQ(fired_, "");
    a.cancel();  // nothing to cancel: nothing happens
}

TEST_F(TimerTest, DoesNotFireOnceDestroyed) {
    {
        Timer a = timer('a');
        a.arm(-1s);
    }
    queue_.fire_due();
    EXPECT_EQ(fired_, "");
    EXPECT_EQ(queue_.milliseconds_to_next(), -1);
}

TEST_F(TimerTest, ArmingAgainReplacesTheDueTime) {
    Timer a = timer('a');
    a.arm(-1s);
    a.arm(1h);
    queue_.fire_due();
    EXPECT_EQ(fired_, "");
    a.arm(-1s);
    queue_.fire_due();
    EXPECT_EQ(fired_, "a");
    EXPECT_EQ(queue_.milliseconds_to_next(), -1);
}

TEST_F(TimerTest, ArmedAgainWhileFiringItWaitsForTheNextRound) {
    std::unique_ptr<Timer> a;
    a = std::make_unique<Timer>(queue_, [&] {
        fired_ += 'a';
        a->arm(0s);
    });
    a->arm(-1s);
    queue_.fire_due();
    EXPECT_EQ(fired_, "a");
    queue_.fire_due();
    EXPECT_EQ(fired_, "aa");
    EXPECT_TRUE(a->armed());
}

TEST_F(TimerTest, MayCancelAnotherThatIsDueAsWell) {
    Timer later = timer('l');
    Timer first(queue_, [&] { later.cancel(); });
    first.arm(-2s);
    later.arm(-1s);
    queue_.fire_due();
    EXPECT_EQ(fired_, "");
}

TEST_F(TimerTest, MayDestroyAnotherThatIsDueAsWell) {
    std::optional<Timer> later;
    later.emplace(queue_, [this] { fired_ += 'l'; });
    Timer first(queue_, [&] { later.reset(); });
    first.arm(-2s);
    later->arm(-1s);
    queue_.fire_due();
    EXPECT_EQ(fired_, "");
}

TEST_F(TimerTest, MayPutOffAnotherThatIsDueAsWell) {
    Timer later = timer('l');
    Timer first(queue_, [&] { later.arm(1h); });
    first.arm(-2s);
    later.arm(-1s);
    queue_.fire_due();
    EXPECT_EQ(fired_, "");
    EXPECT_TRUE(later.armed());
}

TEST_F(TimerTest, TellsTheTimeToTheSoonest) {
    EXPECT_EQ(queue_.milliseconds_to_next(), -1);
    Timer a = timer('a');
    Timer b = timer('b');
    a.arm(2h);
    EXPECT_THAT(queue_.milliseconds_to_next(), AllOf(Gt(3'600'000), Le(7'200'000)));
    b.arm(1h);
    EXPECT_THAT(queue_.milliseconds_to_next(), AllOf(Gt(0), Le(3'600'000)));
    b.arm(-1h);
    EXPECT_EQ(queue_.milliseconds_to_next(), 0);
}

TEST_F(TimerTest, TimeLeftIsRoundedUpSoThatTheLoopNeverSpinsThroughTheLastMillisecond) {
    Timer a = timer('a');
    for (int i = 0; i < 100; ++i) {
        fired_.clear();
        a.arm(900us);
        if (queue_.milliseconds_to_next() == 0) {  // this thread was kept waiting
            queue_.fire_due();
            ASSERT_EQ(fired_, "a");
        }
    }
}

TEST_F(TimerTest, TimeLeftIsCutToWhatEpollTakes) {
    Timer a = timer('a');
    a.arm(24h * 365);
    EXPECT_EQ(queue_.milliseconds_to_next(), std::numeric_limits<int>::max());
}

}  // namespace
}  // namespace net
