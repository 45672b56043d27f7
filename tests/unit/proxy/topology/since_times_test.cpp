#include "patroni_proxy/topology/since_times.h"

#include <gtest/gtest.h>

namespace proxy {
namespace {

TEST(SinceTimesTest, CountsFromTheFirstTimeOnAndAnewFromEachChange) {
    SinceTimes times;
    EXPECT_EQ(times.of("p1"), std::nullopt);
    times.note("p1", "replica", 100);
    times.note("p1", "replica", 103);
    EXPECT_EQ(times.of("p1"), 100);
    times.note("p1", "leader", 106);
    EXPECT_EQ(times.of("p1"), 106);
}

TEST(SinceTimesTest, AddsUpTheTimesInWhichAThingWasDown) {
    SinceTimes times;
    EXPECT_EQ(times.down_for("p1", 100), std::nullopt);
    times.note("p1", "up", 100);
    EXPECT_EQ(times.down_for("p1", 110), 0);
    times.note("p1", "down", 110, true);
    times.note("p1", "down", 112, true);
    EXPECT_EQ(times.down_for("p1", 113), 3);
    times.note("p1", "up", 115);
    EXPECT_EQ(times.down_for("p1", 120), 5);
    times.note("p1", "down", 120, true);
    EXPECT_EQ(times.down_for("p1", 121), 6);
    EXPECT_EQ(times.down_for("p1", 119), 5) << "the clock was set back";
}

TEST(SinceTimesTest, ForgetsWhatIsNotNotedAnyMore) {
    SinceTimes times;
    times.note("p1", "leader", 100);
    times.note("p2", "replica", 100);
    times.forget_others();
    times.note("p1", "leader", 103);
    times.forget_others();
    EXPECT_EQ(times.of("p1"), 100);
    EXPECT_EQ(times.of("p2"), std::nullopt);
    times.note("p2", "replica", 106);
    EXPECT_EQ(times.of("p2"), 106) << "it was gone meanwhile";
}

}  // namespace
}  // namespace proxy
