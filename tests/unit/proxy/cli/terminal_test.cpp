#include "patroni_proxy/cli/terminal.h"

#include <gtest/gtest.h>

#include "patroni_proxy/cli/control_client.h"

namespace proxy::cli {
namespace {

TEST(TerminalTest, AFrameReplacesTheOneBefore) {
    EXPECT_EQ(redraw("one\ntwo\n", {.height = 10}), "\033[Hone\033[K\r\ntwo\033[K\r\n\033[J");
}

TEST(TerminalTest, AFrameIsCutToTheScreen) {
    EXPECT_EQ(redraw("1\n2\n3\n", {.height = 3}), "\033[H1\033[K\r\n2\033[K\r\n...\033[J");
    EXPECT_EQ(redraw("1\n2\n", {.height = 3}), "\033[H1\033[K\r\n2\033[K\r\n\033[J");
}

TEST(ControlClientTest, TargetsAreEncoded) {
    EXPECT_EQ(
        target_of({"members", "a/b", "p 1?", "drain"}, {{"why", "100 % & more"}, {"for", "2h"}}),
        "/members/a%2Fb/p%201%3F/drain?why=100%20%25%20%26%20more&for=2h");
    EXPECT_EQ(target_of({"sessions"}), "/sessions");
}

}  // namespace
}  // namespace proxy::cli
