#include "daemon/log/log_throttle.h"

#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/process/temp_dir.h"
#include "support/wait.h"

namespace daemons {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

/// Logs into a file of its own.
class LogThrottleTest : public testing::Test {
  protected:
    LogThrottleTest() { log::configure({.file = file_}); }
    ~LogThrottleTest() override {
        log::configure({});
        EXPECT_TRUE(log::flush(support::default_timeout));
    }

    static void log(LogThrottle& throttle, const std::string& message) {
        throttle.log(log::Level::warning, {"client_refused", "main/rw", "p1"},
                     [&] { return message; });
    }
    /// Without the time.
    std::vector<std::string> lines() {
        EXPECT_TRUE(log::flush(support::default_timeout));
        std::vector<std::string> lines;
        std::ifstream in(file_);
        for (std::string line; std::getline(in, line);)
            lines.push_back(line.substr(std::string("2026-11-21 05:03:24.123 ").size()));
        return lines;
    }
    void wait_for_lines(std::size_t count) {
        support::eventually([&] { return lines().size() >= count; }, "lines in the log");
    }

    support::TempDir directory_;
    std::string file_ = directory_.path() / "log";
};

TEST_F(LogThrottleTest, TheFirstIsWrittenAndTheOthersAreCountedUntilTheWindowCloses) {
    LogThrottle throttle(100ms);
    for (int i = 1; i <= 5; ++i)
        log(throttle, "client " + std::to_string(i) + " refused");
    wait_for_lines(2);
    EXPECT_THAT(
        lines(),
        ElementsAre("WARNING client 1 refused",
                    "WARNING client 1 refused (4 more like this within 100 ms) suppressed=4 "
                    "within_seconds=0.100000"));
    log(throttle, "client 6 refused");
    EXPECT_EQ(lines().back(), "WARNING client 6 refused") << "a window of its own";
}

TEST_F(LogThrottleTest, AWindowWithOneLineEndsWithoutAnother) {
    LogThrottle throttle(1ms);
    log(throttle, "1");
    support::eventually(
        [start = LogThrottle::Clock::now()] { return LogThrottle::Clock::now() > start + 1ms; },
        "the end of the window");
    log(throttle, "2");
    EXPECT_THAT(lines(), ElementsAre("WARNING 1", "WARNING 2"));
}

TEST_F(LogThrottleTest, TheCountIsOfTheSameEvent) {
    log::configure({.format = log::Format::json, .file = file_});
    LogThrottle throttle(10ms);
    log(throttle, "1");
    log(throttle, "2");
    wait_for_lines(2);
    EXPECT_THAT(lines().back(), HasSubstr(R"("event":"client_refused","cluster":"main",)"
                                          R"("port":"rw","member":"p1",)"));
}

TEST_F(LogThrottleTest, WhatIsBelowTheLevelIsNotCounted) {
    log::configure({.level = log::Level::error, .file = file_});
    LogThrottle throttle(1h);
    log(throttle, "1");
    log::configure({.file = file_});
    log(throttle, "2");
    EXPECT_THAT(lines(), ElementsAre("WARNING 2"));
}

}  // namespace
}  // namespace daemons
