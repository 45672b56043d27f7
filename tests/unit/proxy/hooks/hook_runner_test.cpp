#include "patroni_proxy/hooks/hook_runner.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fakes/fake_patroni.h"
#include "support/process/temp_dir.h"
#include "support/wait.h"
#include "unit/proxy/logged.h"

namespace proxy::hooks {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class HookRunnerTest : public testing::Test {
  protected:
    static HookSettings shell(const std::string& script) {
        HookSettings settings;
        settings.command = {"/bin/sh", "-c", script};
        return settings;
    }
    static HookJob job(const std::string& cluster) {
        return {"leader", cluster, {{"PATRONI_PROXY_CLUSTER", cluster}}, "{}\n"};
    }
    [[nodiscard]] std::string file(const std::string& name) const {
        return (directory_.path() / name).string();
    }
    static std::string content(const std::string& path) {
        std::ostringstream text;
        text << std::ifstream(path).rdbuf();
        return text.str();
    }

    support::TempDir directory_;
};

TEST_F(HookRunnerTest, RunsOneAfterTheOther) {
    HookRunner runner;
    runner.use(shell("echo $PATRONI_PROXY_CLUSTER >> " + file("told")));
    for (const char* cluster : {"a", "b", "c"})
        runner.run(job(cluster));
    support::eventually([&] { return content(file("told")) == "a\nb\nc\n"; }, "three runs");
}

TEST_F(HookRunnerTest, IsBusyUntilTheLastRunIsOver) {
    HookRunner runner;
    EXPECT_FALSE(runner.is_busy());
    runner.use(shell("while [ -e " + file("waits") + " ]; do sleep 0.01; done"));
    std::ofstream(file("waits")) << "";
    for (const char* cluster : {"a", "b"})
        runner.run(job(cluster));
    EXPECT_TRUE(runner.is_busy());
    std::filesystem::remove(file("waits"));
    support::eventually([&] { return !runner.is_busy(); }, "both runs to be over");
}

TEST_F(HookRunnerTest, WithoutAHookNothingRuns) {
    HookRunner runner;
    runner.run(job("a"));
    runner.use(shell("echo $PATRONI_PROXY_CLUSTER >> " + file("told")));
    runner.run(job("b"));
    support::eventually([&] { return content(file("told")) == "b\n"; }, "one run");
    runner.use(std::nullopt);
    runner.run(job("c"));
    runner.stop();
    EXPECT_EQ(content(file("told")), "b\n");
}

TEST_F(HookRunnerTest, WhileOneHangsTheOldestOfTooManyAreDropped) {
    const std::string log = logged_during([&] {
        HookRunner runner;
        runner.use(shell("echo $PATRONI_PROXY_CLUSTER >> " + file("told") + "; while [ -e " +
                         file("hold") + " ]; do sleep 0.01; done"));
        std::ofstream(file("hold")) << "x";
        runner.run(job("first"));
        support::eventually([&] { return content(file("told")) == "first\n"; }, "the first run");
        for (std::size_t i = 0; i < HookRunner::kMostWaiting + 5; ++i)
            runner.run(job("n" + std::to_string(i)));
        std::filesystem::remove(file("hold"));
        const std::string last = "n" + std::to_string(HookRunner::kMostWaiting + 4) + "\n";
        support::eventually([&] { return content(file("told")).find(last) != std::string::npos; },
                            "the last run");
    });
    EXPECT_THAT(content(file("told")), AllOf(HasSubstr("\nn5\n"), Not(HasSubstr("\nn4\n"))));
    EXPECT_THAT(log, HasSubstr("on_change: 5 runs were left out"));
}

TEST_F(HookRunnerTest, OfTooManyAChangeOfLeaderStays) {
    HookRunner runner;
    runner.use(shell("echo $PATRONI_PROXY_CLUSTER >> " + file("told") + "; while [ -e " +
                     file("hold") + " ]; do sleep 0.01; done"));
    std::ofstream(file("hold")) << "x";
    runner.run(job("first"));
    support::eventually([&] { return content(file("told")) == "first\n"; }, "the first run");
    runner.run(job("new_leader"));
    for (std::size_t i = 0; i < HookRunner::kMostWaiting; ++i) {
        HookJob of_port = job("port" + std::to_string(i));
        of_port.event = "port";
        runner.run(of_port);
    }
    std::filesystem::remove(file("hold"));
    support::eventually([&] { return content(file("told")).find("port1\n") != std::string::npos; },
                        "the port's run");
    EXPECT_THAT(content(file("told")), AllOf(HasSubstr("new_leader\n"), Not(HasSubstr("port0\n"))));
}

TEST_F(HookRunnerTest, AFailureIsLoggedWithWhatItWrote) {
    const std::string log = logged_during([&] {
        HookRunner runner;
        runner.use(shell("echo no such zone; echo x > " + file("ran") + "; exit 2"));
        runner.run(job("main"));
        support::eventually([&] { return content(file("ran")) == "x\n"; }, "a run");
        runner.use(shell("echo x > " + file("then")));
        runner.run(job("main"));
        support::eventually([&] { return content(file("then")) == "x\n"; }, "the next run");
    });
    EXPECT_THAT(log, HasSubstr("on_change for leader of main failed: /bin/sh: it ended with exit "
                               "code 2; it wrote: no such zone"));
}

TEST_F(HookRunnerTest, AUrlGetsTheRecord) {
    support::FakePatroni server;
    server.answer("/hook", {.status = 204, .body = ""});
    HookRunner runner;
    HookSettings settings;
    settings.url = {patroni::Endpoint::parse(server.url()).value(), "/hook?zone=db"};
    runner.use(settings);
    runner.run(job("main"));
    server.wait_for_requests("/hook", 1);
    const auto request = server.request_log().front();
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path, "/hook?zone=db");
}

TEST_F(HookRunnerTest, AUrlThatFailsIsLoggedWithoutItsPath) {
    support::FakePatroni server;
    server.answer("/secret", {.status = 500, .body = ""});
    const std::string log = logged_during([&] {
        HookRunner runner;
        HookSettings settings;
        settings.url = {patroni::Endpoint::parse(server.url()).value(), "/secret"};
        runner.use(settings);
        runner.run(job("main"));
        server.wait_for_answers("/secret", 1);
        runner.use(shell("echo x > " + file("then")));
        runner.run(job("main"));
        support::eventually([&] { return content(file("then")) == "x\n"; }, "the next run");
    });
    EXPECT_THAT(log, AllOf(HasSubstr("failed: " + server.url() + ": status 500"),
                           Not(HasSubstr("secret"))));
}

TEST_F(HookRunnerTest, StoppingDoesNotWaitForAHook) {
    HookRunner runner;
    runner.use(shell("echo x > " + file("ran") + "; sleep 300"));
    runner.run(job("main"));
    support::eventually([&] { return content(file("ran")) == "x\n"; }, "a run");
    const auto begin = std::chrono::steady_clock::now();
    runner.stop();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

}  // namespace
}  // namespace proxy::hooks
