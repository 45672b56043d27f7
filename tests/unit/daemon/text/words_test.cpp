#include "daemon/text/words.h"

#include <gtest/gtest.h>

namespace daemons {
namespace {

TEST(Joined, HasASeparatorBetweenTwoWords) {
    EXPECT_EQ(joined({}), "");
    EXPECT_EQ(joined({"a"}), "a");
    EXPECT_EQ(joined({"a", "b", "c"}), "a, b, c");
    EXPECT_EQ(joined({"a", "b"}, "; "), "a; b");
}

TEST(Counted, HasAPlural) {
    EXPECT_EQ(counted(0, "session"), "0 sessions");
    EXPECT_EQ(counted(1, "session"), "1 session");
    EXPECT_EQ(counted(2, "session"), "2 sessions");
}

}  // namespace
}  // namespace daemons
