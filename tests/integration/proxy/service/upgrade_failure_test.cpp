// An upgrade that fails, whenever it does: the running proxy goes on as if nothing had been.

#include <csignal>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"

using support::TestClient;
using testing::HasSubstr;

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
        TestClient next = proxy_.connect("c/master");
        EXPECT_EQ(next.receive_line(), "b1");
        EXPECT_TRUE(still_echoes(next));
        next.close();
        proxy_.wait_for_metric("sessions_open", 1);
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
