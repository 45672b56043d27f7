#include "daemon/log.h"

#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace daemons {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

/// What `function` writes to stderr.
template <typename Function>
std::string stderr_of(Function function) {
    testing::internal::CaptureStderr();
    function();
    return testing::internal::GetCapturedStderr();
}

constexpr char kTime[] =
    "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] "
    "[0-9][0-9]:[0-9][0-9]:[0-9][0-9]\\.[0-9][0-9][0-9] ";

TEST(Log, WritesALineAnEventWithTimeLevelAndMessage) {
    const std::string time = kTime;
    EXPECT_THAT(stderr_of([] { log::info("up"); }), MatchesRegex(time + "Information up\n"));
    EXPECT_THAT(stderr_of([] { log::warning("odd"); }), MatchesRegex(time + "Warning odd\n"));
    EXPECT_THAT(stderr_of([] { log::error("bad"); }), MatchesRegex(time + "Error bad\n"));
}

TEST(Log, TakesAMessageAsItIs) {
    EXPECT_THAT(stderr_of([] { log::info("100% %s %d %t"); }), HasSubstr(" 100% %s %d %t\n"));
}

TEST(Log, KeepsLinesOfSeveralThreadsApart) {
    const std::string text = stderr_of([] {
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([] {
                for (int line = 0; line < 100; ++line)
                    log::info("a line of its own");
            });
        for (auto& thread : threads)
            thread.join();
    });
    std::size_t lines = 0;
    const std::string end = " a line of its own\n";
    for (std::size_t at = 0; (at = text.find(end, at)) != std::string::npos; at += end.size())
        ++lines;
    EXPECT_EQ(lines, 400U);
}

TEST(Log, DoesNotMakeADebugMessageThatNobodyWants) {
    bool made = false;
    const std::string text = stderr_of([&] {
        log::debug([&] {
            made = true;
            return "costly";
        });
        log::debug("cheap");
    });
    EXPECT_FALSE(log::debug_enabled());
    EXPECT_FALSE(made);
    EXPECT_EQ(text, "");
}

}  // namespace
}  // namespace daemons
