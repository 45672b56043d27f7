// The process that hands over is killed, or hangs, after the new one has taken over: that one goes
// on with what it has.

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"

using support::TestClient;
using testing::HasSubstr;
using testing::Not;

namespace {

/// Two sessions, one of each worker. The first one passes, and then the old process gets a signal.
class EndOfTheOldProcess : public testing::Test {
  protected:
    EndOfTheOldProcess() {
        EXPECT_EQ(passed_.receive_line(), "b1");
        EXPECT_EQ(other_.receive_line(), "b1");
        directory_.write("binary", PROXY_BINARY);
    }
    ~EndOfTheOldProcess() override {
        if (next_ > 0)
            ::kill(next_, SIGKILL);
        proxy_.daemon().signal(SIGCONT);
    }

    [[nodiscard]] std::string link() const {
        lead_to(PROXY_BINARY);
        return directory_.path() / "proxy";
    }
    void lead_to(const std::string& program) const {
        std::filesystem::remove(directory_.path() / "proxy");
        std::filesystem::create_symlink(program, directory_.path() / "proxy");
    }
    void upgrade_and(const std::string& step) {
        directory_.write("step", step);
        lead_to(RELAYING_SUCCESSOR);
        proxy_.daemon().signal(SIGUSR2);
        const auto wait_for_file = [this](const std::string& name) {
            support::eventually([&] { return std::filesystem::exists(directory_.path() / name); },
                                name);
        };
        wait_for_file("successor");
        std::ifstream(directory_.path() / "successor") >> next_;
        wait_for_file("done");
    }
    void expect_that_the_new_one_serves() {
        EXPECT_TRUE(still_echoes(passed_));
        TestClient client = proxy_.connect("c/master");
        EXPECT_EQ(client.receive_line(), "b1");
        EXPECT_TRUE(still_echoes(client));
    }
    /// Operators are answered as well, and of the sessions only what is there is counted.
    void wait_until_all_is_settled() {
        proxy_.daemon().wait_for_line("the process before passes no more sessions");
        proxy_.wait_for_metric("sessions_open", 1);
        EXPECT_EQ(proxy_.metric(R"(backend_sessions_open{cluster="c",port="master",member="b1"})"),
                  1);
        expect_that_the_new_one_serves();
        EXPECT_THAT(proxy_.daemon().output(), Not(HasSubstr("serves again")));
    }

    support::TempDir directory_;
    FakeCluster cluster_{1};
    ProxyUnderTest proxy_{cluster_.config(), {.binary = link()}};
    TestClient passed_ = proxy_.connect("c/master");
    TestClient other_ = proxy_.connect("c/master");
    pid_t next_ = 0;
};

TEST_F(EndOfTheOldProcess, KilledBetweenBatchesItTakesWithItWhatHasNotPassed) {
    upgrade_and("kill between batches");
    other_.wait_for_close();
    wait_until_all_is_settled();
}

TEST_F(EndOfTheOldProcess, KilledAmidABatchItTakesThatWithIt) {
    upgrade_and("kill amid a batch");
    other_.wait_for_close();
    wait_until_all_is_settled();
}

TEST_F(EndOfTheOldProcess, HungBetweenBatchesItKeepsWhatHasNotPassed) {
    upgrade_and("stop between batches");
    expect_that_the_new_one_serves();
    wait_until_all_is_settled();
    proxy_.daemon().signal(SIGCONT);
    EXPECT_TRUE(still_echoes(other_));
    proxy_.daemon().wait_for_line("the new process takes no more sessions: 1 session of this one");
    wait_until_all_is_settled();
}

TEST_F(EndOfTheOldProcess, HungAmidABatchItKeepsThatToo) {
    upgrade_and("stop amid a batch");
    wait_until_all_is_settled();
    proxy_.daemon().signal(SIGCONT);
    EXPECT_TRUE(still_echoes(other_));
    proxy_.daemon().wait_for_line("the new process takes no more sessions: 1 session of this one");
    wait_until_all_is_settled();
}

}  // namespace
