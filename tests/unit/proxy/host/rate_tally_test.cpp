#include "patroni_proxy/host/rate_tally.h"

#include <gtest/gtest.h>

namespace proxy {
namespace {

using namespace std::chrono_literals;

constexpr RateTally::Clock::time_point kBegin{1'000s};

TEST(RateTallyTest, SlidesFromOneSecondToTheNext) {
    RateTally rate;
    EXPECT_EQ(rate.per_second(kBegin), 0);
    for (int i = 0; i < 10; ++i)
        rate.count(kBegin + 100ms * i);
    EXPECT_EQ(rate.per_second(kBegin + 900ms), 10);
    EXPECT_EQ(rate.per_second(kBegin + 1'000ms), 10);
    EXPECT_EQ(rate.per_second(kBegin + 1'500ms), 5) << "half of them are over a second ago";
    rate.count(kBegin + 1'500ms);
    EXPECT_EQ(rate.per_second(kBegin + 1'500ms), 6);
    EXPECT_EQ(rate.per_second(kBegin + 3s), 0);
    EXPECT_EQ(rate.most(), 10U);
}

TEST(RateTallyTest, AddsWhatTwoWorkersCounted) {
    RateTally sum;
    RateTally other;
    for (int i = 0; i < 4; ++i)
        sum.count(kBegin);
    other.count(kBegin + 1s);
    sum.add(other);
    EXPECT_EQ(sum.per_second(kBegin + 1s), 5);
    EXPECT_EQ(sum.most(), 5U);
    sum.add({});
    EXPECT_EQ(sum.per_second(kBegin + 1s), 5);
}

}  // namespace
}  // namespace proxy
