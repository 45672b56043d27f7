// An upgrade that fails: the running proxy goes on as if nothing had been, until the next process
// has taken over; after that, with what it has not passed.

#include <csignal>
#include <filesystem>
#include <regex>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"

using support::TestClient;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

namespace {

/// A proxy that was started by a link, which may lead to another program afterwards.
class FailedUpgrade : public testing::Test {
  protected:
    FailedUpgrade() {
        EXPECT_EQ(client_.receive_line(), "b1");
        descriptors_ = proxy_.open_descriptors() + 1;  // a connection of the HTTP API
    }

    /// The next process ends at this step.
    void fail_at(const std::string& step) {
        directory_.write("step", step);
        lead_to(FAKE_SUCCESSOR);
    }
    void lead_to(const std::string& program) const {
        std::filesystem::remove(directory_.path() / "proxy");
        std::filesystem::create_symlink(program, directory_.path() / "proxy");
    }
    [[nodiscard]] std::string link() const {
        lead_to(PROXY_BINARY);
        return directory_.path() / "proxy";
    }
    void expect_that_all_is_as_before() {
        EXPECT_TRUE(still_echoes(client_));
        expect_that_it_serves(1);
    }
    void expect_that_it_serves(int sessions) {
        TestClient next = proxy_.connect("c/master");
        EXPECT_EQ(next.receive_line(), "b1");
        EXPECT_TRUE(still_echoes(next));
        next.close();
        proxy_.wait_for_metric("sessions_open", sessions);
        support::eventually([&] { return proxy_.open_descriptors() <= descriptors_; },
                            "descriptors as before");
    }

    support::TempDir directory_;
    FakeCluster cluster_{1};
    ProxyUnderTest proxy_{cluster_.config(), {.binary = link()}};
    TestClient client_ = proxy_.connect("c/master");
    std::size_t descriptors_ = 0;
};

TEST_F(FailedUpgrade, ItGoesOnWhereverTheNextProcessDies) {
    for (const std::string step : {"at its start", "before it is ready", "when it is ready",
                                   "amid the sessions", "before it takes over"}) {
        SCOPED_TRACE(step);
        fail_at(step);
        EXPECT_THAT(proxy_.failing_upgrade(), HasSubstr("nothing has changed: "));
        expect_that_all_is_as_before();
    }
    lead_to(PROXY_BINARY);
    proxy_.upgrade();
    EXPECT_TRUE(still_echoes(client_));
}

TEST_F(FailedUpgrade, ItSaysWhyTheNextProcessRefuses) {
    fail_at("instead of being ready");
    EXPECT_THAT(proxy_.failing_upgrade(), HasSubstr("the new process refuses: it is Friday"));
    fail_at("with what nobody understands");
    EXPECT_THAT(proxy_.failing_upgrade(), HasSubstr("does not understand"));
    expect_that_all_is_as_before();
}

TEST_F(FailedUpgrade, ANextProcessThatHangsMayNotTakeOverLater) {
    fail_at("by hanging");
    EXPECT_THAT(proxy_.failing_upgrade(), HasSubstr("does not answer in time"));
    expect_that_all_is_as_before();
}

TEST_F(FailedUpgrade, ANextProcessThatDiesAfterItTookOverLeavesWhatItDidNotGet) {
    fail_at("after it has taken over");
    EXPECT_THAT(proxy_.failing_upgrade(),
                AllOf(HasSubstr("the new process has ended amid it, and with it the 0 sessions"),
                      Not(HasSubstr("nothing has changed"))));
    expect_that_all_is_as_before();
    lead_to(PROXY_BINARY);
    proxy_.upgrade();
    EXPECT_TRUE(still_echoes(client_));
}

TEST_F(FailedUpgrade, WhatHasPassedIsLostWithTheNextProcessAndNothingElse) {
    TestClient other = proxy_.connect("c/master");  // on the other worker: it is another batch
    EXPECT_EQ(other.receive_line(), "b1");
    fail_at("with a batch");
    EXPECT_THAT(proxy_.failing_upgrade(), HasSubstr("and with it the 1 session that had passed"));
    client_.wait_for_close();
    EXPECT_TRUE(still_echoes(other));
    EXPECT_FALSE(std::filesystem::exists(directory_.path() / "too_early"));
    expect_that_it_serves(1);
    EXPECT_THAT(proxy_.get("/history"), HasSubstr("an upgrade failed: the new process"));
}

TEST_F(FailedUpgrade, ABatchThatIsRefusedStaysWithAllOthers) {
    TestClient other = proxy_.connect("c/master");
    EXPECT_EQ(other.receive_line(), "b1");
    fail_at("with no more batches");
    EXPECT_THAT(proxy_.failing_upgrade(), HasSubstr("has 0 sessions; the longest"));
    proxy_.daemon().wait_for_line("the new process takes no more sessions: 2 sessions of this one");
    EXPECT_TRUE(still_echoes(client_));
    EXPECT_TRUE(still_echoes(other));
}

TEST_F(FailedUpgrade, ANextProcessThatHearsNoMoreHasNotEnded) {
    fail_at("deaf to batches");
    EXPECT_THAT(proxy_.failing_upgrade(), HasSubstr("has 0 sessions; the longest"));
    proxy_.daemon().wait_for_line("the new process takes no more sessions: 1 session of this one");
    EXPECT_TRUE(still_echoes(client_));
}

TEST_F(FailedUpgrade, ANextProcessThatNeverSaysThatItHasABatchKeepsIt) {
    TestClient other = proxy_.connect("c/master");
    EXPECT_EQ(other.receive_line(), "b1");
    fail_at("without a word");
    const std::string told = proxy_.failing_upgrade();
    EXPECT_THAT(told, AllOf(HasSubstr("has 1 session; "), HasSubstr("1 session stayed here")));
    std::smatch stop;
    ASSERT_TRUE(std::regex_search(told, stop, std::regex("stop of one was ([0-9.]+) ms"))) << told;
    EXPECT_GE(std::stod(stop.str(1)), 2000) << told;
    EXPECT_EQ(client_.receive_line(), "mine");
    EXPECT_TRUE(still_echoes(other));
}

TEST_F(FailedUpgrade, AWrongConfigurationIsTold) {
    lead_to(PROXY_BINARY);
    const std::string good = cluster_.config();
    proxy_.write_config(good + "nonsense: 1\n");
    EXPECT_THAT(proxy_.failing_upgrade(), HasSubstr("the new process refuses: "));
    EXPECT_THAT(proxy_.daemon().output(), HasSubstr("nonsense"));
    expect_that_all_is_as_before();
}

TEST_F(FailedUpgrade, AProgramThatIsGoneIsTold) {
    std::filesystem::remove(directory_.path() / "proxy");
    EXPECT_THAT(proxy_.failing_upgrade(), HasSubstr("cannot be started: No such file"));
    expect_that_all_is_as_before();
}

}  // namespace
