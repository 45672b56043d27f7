#include "support/process/daemon_process.h"

#include <chrono>
#include <signal.h>
#include <string>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>

#include "support/process/temp_dir.h"

namespace support {
namespace {

std::vector<std::string> shell(const std::string& script) {
    return {"sh", "-c", script};
}

TEST(DaemonProcessTest, FindsLinesSeenAndStillToCome) {
    DaemonProcess daemon(
        shell("echo 'listening on 127.0.0.1:6432' >&2; "
              "trap 'echo reloaded' HUP; trap 'exit 3' TERM; "
              "echo ready; while :; do sleep 0.01; done"));
    daemon.wait_for_line("ready");
    const auto groups = daemon.wait_for_match(R"(listening on ([\d.]+):(\d+))");
    EXPECT_EQ(groups,
              (std::vector<std::string>{"listening on 127.0.0.1:6432", "127.0.0.1", "6432"}));
    for (int i = 0; i < 2; ++i) {
        const auto before = daemon.mark();
        EXPECT_THROW(daemon.wait_for_line("ready", before, Milliseconds{10}), TimedOut);
        daemon.signal(SIGHUP);
        EXPECT_EQ(daemon.wait_for_line("loaded", before), "reloaded");
    }
    EXPECT_TRUE(daemon.running());
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait_for_exit(), ExitStatus{.code = 3}) << daemon.output();
    EXPECT_EQ(daemon.output(Stream::err), "listening on 127.0.0.1:6432\n");
}

TEST(DaemonProcessTest, AWaitFailsAtOnceWhenTheDaemonEnds) {
    DaemonProcess daemon(shell("echo 'port is taken'; exit 1"));
    try {
        daemon.wait_for_line("ready", 0, std::chrono::hours{1});
        FAIL() << "should have thrown";
    } catch (const TimedOut& error) {
        const std::string message = error.what();
        EXPECT_NE(message.find("sh: a line with 'ready'"), std::string::npos) << message;
        EXPECT_NE(message.find("exited with 1, output:\nport is taken\n"), std::string::npos)
            << message;
    }
}

TEST(DaemonProcessTest, ReportsTheSignal) {
    DaemonProcess daemon(shell("kill -KILL $$"));
    EXPECT_EQ(daemon.wait_for_exit(), ExitStatus{.signal = SIGKILL});
}

TEST(RunTest, KeepsTheStreamsApart) {
    const TempDir dir;
    const auto result =
        run(shell("printf out; echo \"$GREETING\" >&2; pwd; cat; exit 2"),
            {.environment = {{"GREETING", "hello"}}, .working_directory = dir.path().string()});
    EXPECT_EQ(result.status, ExitStatus{.code = 2});
    EXPECT_EQ(result.out, "out" + dir.path().string() + "\n");
    EXPECT_EQ(result.err, "hello\n");
}

TEST(RunTest, WhatCannotBeStartedThrows) {
    EXPECT_THROW(run({"/nowhere/at/all"}), std::system_error);
    EXPECT_THROW(run({"true"}, {.working_directory = "/nowhere"}), std::system_error);
}

TEST(RunTest, IsBounded) {
    EXPECT_THROW(run({"sleep", "1000"}, {}, Milliseconds{20}), TimedOut);
}

}  // namespace
}  // namespace support
