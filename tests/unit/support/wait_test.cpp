#include "support/wait.h"

#include <gtest/gtest.h>

namespace support {
namespace {

TEST(EventuallyTest, AsksUntilItHolds) {
    int asked = 0;
    eventually([&] { return ++asked == 3; }, "the third question");
    EXPECT_EQ(asked, 3);
}

TEST(EventuallyTest, SaysWhatWasAwaited) {
    try {
        eventually([] { return false; }, Milliseconds{10}, "the sky to fall");
        FAIL() << "should have thrown";
    } catch (const TimedOut& error) {
        EXPECT_STREQ(error.what(), "not within 10 ms: the sky to fall");
    }
}

}  // namespace
}  // namespace support
