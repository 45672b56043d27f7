#include "patroni_proxy/hooks/command_run.h"

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/socket/unique_fd.h"
#include "support/process/temp_dir.h"
#include "support/wait.h"

namespace proxy::hooks {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

CommandRun shell(const std::string& script) {
    CommandRun run;
    run.command = {"/bin/sh", "-c", script};
    return run;
}

TEST(CommandRunTest, GetsItsInputAndItsVariables) {
    CommandRun run = shell("echo \"$PATRONI_PROXY_EVENT\"; cat");
    run.environment = {{"PATRONI_PROXY_EVENT", "leader"}};
    run.input = "{\"event\": \"leader\"}\n";
    const auto result = run_command(run, {});
    EXPECT_EQ(result.problem, "");
    EXPECT_EQ(result.output, "leader\n{\"event\": \"leader\"}\n");
}

TEST(CommandRunTest, SaysHowItFailed) {
    EXPECT_EQ(run_command(shell("echo no >&2; exit 3"), {}).problem, "it ended with exit code 3");
    EXPECT_EQ(run_command(shell("echo no >&2; exit 3"), {}).output, "no\n");
    EXPECT_EQ(run_command(shell("kill -TERM $$"), {}).problem, "it was ended by signal 15");
    CommandRun missing;
    missing.command = {"/nowhere/hook"};
    EXPECT_EQ(run_command(missing, {}).problem, "it cannot be started: No such file or directory");
}

TEST(CommandRunTest, IsKilledWithItsChildrenWhenItsTimeIsOver) {
    const support::TempDir directory;
    const std::string pids = (directory.path() / "pids").string();
    CommandRun run = shell("sleep 300 & echo $$ $! > " + pids + "; wait");
    run.timeout = 300ms;
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(run_command(run, {}).problem, "it took longer than 300 ms and was killed");
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
    std::ifstream in(pids);
    pid_t pid = 0;
    int count = 0;
    while (in >> pid) {
        ++count;
        support::eventually(
            [pid] {
                std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
                std::ostringstream text;
                text << stat.rdbuf();
                // Nobody may have taken note of its end.
                return text.str().empty() || text.str().find(") Z ") != std::string::npos;
            },
            "the command and its child to be gone");
    }
    EXPECT_EQ(count, 2);
}

TEST(CommandRunTest, KeepsLittleOfAHugeOutput) {
    CommandRun run = shell("head -c 3000000 /dev/zero | tr '\\0' x; echo end");
    run.most_output = 100;
    const auto result = run_command(run, {});
    EXPECT_EQ(result.problem, "");
    EXPECT_EQ(result.output, std::string(100, 'x'));
}

TEST(CommandRunTest, NeedNotReadItsInput) {
    CommandRun run = shell("exit 0");
    run.input.assign(1'000'000, 'x');
    EXPECT_EQ(run_command(run, {}).problem, "");
}

TEST(CommandRunTest, InheritsNoDescriptorAndNoBlockedSignal) {
    // Without O_CLOEXEC, as some libraries open theirs.
    const net::UniqueFd open_file(::open("/dev/null", O_RDONLY));
    ASSERT_GE(open_file.get(), 3);
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
    auto* const action_before = std::signal(SIGPIPE, SIG_IGN);
    const auto result = run_command(
        shell("ls /proc/self/fd | wc -l; grep -E 'Sig(Blk|Ign)' /proc/self/status"), {});
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    std::signal(SIGPIPE, action_before);
    EXPECT_EQ(result.problem, "");
    // 0, 1, 2, and the directory that ls reads.
    EXPECT_THAT(result.output, StartsWith("4\n"));
    EXPECT_THAT(result.output, HasSubstr("SigBlk:\t0000000000000000"));
    // But for two that the C library uses itself, 32 and 33.
    EXPECT_THAT(result.output, testing::ContainsRegex("SigIgn:\t[0-9a-f]{8}[08]0000000"));
}

TEST(CommandRunTest, EndsWithTheProxy) {
    std::stop_source stop;
    std::jthread stopper([&] { stop.request_stop(); });
    EXPECT_THAT(run_command(shell("sleep 300"), stop.get_token()).problem,
                HasSubstr("when the proxy stopped"));
}

TEST(CommandRunTest, OurOwnVariablesAreNotItsBusiness) {
    ::setenv("PGPASSWORD", "secret", 1);
    EXPECT_THAT(run_command(shell("env"), {}).output, Not(HasSubstr("secret")));
    ::unsetenv("PGPASSWORD");
}

}  // namespace
}  // namespace proxy::hooks
