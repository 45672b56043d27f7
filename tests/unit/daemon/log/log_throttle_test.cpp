#include "daemon/log/log_throttle.h"

#include <chrono>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace daemons {
namespace {

using namespace std::chrono_literals;

constexpr auto kNotTold = std::nullopt;
const std::optional<std::string> kTold = "";

TEST(LogThrottleTest, TheFirstIsToldWheneverItComes) {
    LogThrottle throttle;
    EXPECT_EQ(throttle.pass(LogThrottle::Clock::time_point::min()), kTold);
    LogThrottle another;
    EXPECT_EQ(another.pass(LogThrottle::Clock::now()), kTold);
}

TEST(LogThrottleTest, OneIsToldInEveryPauseWithHowManyThereWereBefore) {
    LogThrottle throttle;
    const auto start = LogThrottle::Clock::now();
    EXPECT_EQ(throttle.pass(start), kTold);
    EXPECT_EQ(throttle.pass(start), kNotTold);
    EXPECT_EQ(throttle.pass(start + LogThrottle::kPause - 1ns), kNotTold);
    EXPECT_EQ(throttle.pass(start + LogThrottle::kPause), " (and 2 before it)");
    // The pause begins anew, and so does the count.
    EXPECT_EQ(throttle.pass(start + LogThrottle::kPause + 9s), kNotTold);
    EXPECT_EQ(throttle.pass(start + 3 * LogThrottle::kPause), " (and 1 before it)");
    EXPECT_EQ(throttle.pass(start + 4 * LogThrottle::kPause), kTold);
}

}  // namespace
}  // namespace daemons
