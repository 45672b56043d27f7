#include "patroni_proxy/cli/terminal/terminal.h"

#include <gtest/gtest.h>

namespace proxy::cli {
namespace {

TEST(TerminalTest, AFrameReplacesTheOneBefore) {
    EXPECT_EQ(redraw("one\ntwo\n", {.height = 10}), "\033[Hone\033[K\r\ntwo\033[K\r\n\033[J");
}

TEST(TerminalTest, AFrameIsCutToTheScreen) {
    EXPECT_EQ(redraw("1\n2\n3\n", {.height = 3}), "\033[H1\033[K\r\n2\033[K\r\n...\033[J");
    EXPECT_EQ(redraw("1\n2\n", {.height = 3}), "\033[H1\033[K\r\n2\033[K\r\n\033[J");
}

}  // namespace
}  // namespace proxy::cli
