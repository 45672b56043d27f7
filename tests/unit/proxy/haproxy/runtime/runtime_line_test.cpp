#include "patroni_proxy/haproxy/runtime/runtime_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace proxy::haproxy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(RuntimeLineTest, SemicolonsPartCommandsAndSpacesWords) {
    EXPECT_THAT(commands_of("show info;show  stat\t-1 4 -1"),
                ElementsAre(Words{"show", "info"}, Words{"show", "stat", "-1", "4", "-1"}));
    EXPECT_THAT(commands_of(""), ElementsAre(IsEmpty()));
    EXPECT_THAT(commands_of(" ; "), ElementsAre(IsEmpty(), IsEmpty()));
}

TEST(RuntimeLineTest, ABackslashTakesTheNextLetterAsItIs) {
    EXPECT_THAT(commands_of(R"(a\;b c\ d \\)"), ElementsAre(Words{"a;b", "c d", "\\"}));
    EXPECT_THAT(commands_of("a\\"), ElementsAre(Words{"a\\"}));
}

TEST(RuntimeLineTest, ACarriageReturnIsASpace) {
    EXPECT_THAT(commands_of("show info\r"), ElementsAre(Words{"show", "info"}));
}

TEST(RuntimeLineTest, WordsAreBounded) {
    std::string line;
    for (int i = 0; i < 100; ++i)
        line += "w ";
    EXPECT_EQ(commands_of(line).front().size(), 64U);
}

}  // namespace
}  // namespace proxy::haproxy
