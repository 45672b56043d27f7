#include "patroni_proxy/control/control.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/proxy/logged.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

/// Knows clusters and members, and remembers what it was to put in force.
class FakeProxy final : public Controlled {
  public:
    FakeProxy() {
        config_.clusters.resize(2);
        config_.clusters[0].name = "main";
        config_.clusters[1].name = "silent";
    }
    [[nodiscard]] const Config& config() const override { return config_; }
    [[nodiscard]] std::vector<std::string> members_of(const std::string& cluster) const override {
        return cluster == "main" ? std::vector<std::string>{"p1", "p2"}
                                 : std::vector<std::string>{};
    }
    void use_operator_settings() override { ++put_in_force; }
    void when_in_force(std::function<void()> done) override { done(); }
    [[nodiscard]] ProxyReport report() override { return {}; }

    Config config_;
    int put_in_force = 0;
};

class ControlTest : public testing::Test {
  protected:
    net::EventLoop loop_;
    FakeProxy proxy_;
    Control control_{loop_, proxy_};
    Caller caller_{"uid 0, pid 42"};
};

TEST_F(ControlTest, ADrainIsLoggedAndPutInForce) {
    Outcome outcome;
    const auto log = logged_during(
        [&] { outcome = control_.drain("main", "p1", {{.why = "new kernel"}}, caller_); });
    EXPECT_TRUE(outcome.ok());
    EXPECT_TRUE(outcome.changed);
    EXPECT_EQ(outcome.message, "main/p1 gets no new sessions; those it has stay");
    EXPECT_EQ(proxy_.put_in_force, 1);
    EXPECT_THAT(log, HasSubstr("main/p1: drained by uid 0, pid 42: new kernel\n"));
    EXPECT_EQ(control_.settings().overrides_of("main").drained.count("p1"), 1U);
}

TEST_F(ControlTest, WhatIsDoneTwiceChangesNothing) {
    (void)control_.drain("main", "p1", {}, caller_);
    const auto again = control_.drain("main", "p1", {}, {"uid 7, pid 8"});
    EXPECT_TRUE(again.ok());
    EXPECT_FALSE(again.changed);
    EXPECT_EQ(again.message, "main/p1 is already drained by uid 0, pid 42");
    EXPECT_EQ(proxy_.put_in_force, 1);
    EXPECT_TRUE(control_.ready("main", "p1", caller_).changed);
    EXPECT_FALSE(control_.ready("main", "p1", caller_).changed);
    EXPECT_THAT(control_.settings().overrides_of("main").drained, IsEmpty());
}

TEST_F(ControlTest, AnUnknownNameIsAnsweredWithThoseThatExist) {
    const auto no_cluster = control_.drain("mian", "p1", {}, caller_);
    EXPECT_EQ(no_cluster.problem, Outcome::Problem::unknown_name);
    EXPECT_EQ(no_cluster.message, "no cluster mian; the configuration has main, silent");
    const auto no_member = control_.drain("main", "p9", {}, caller_);
    EXPECT_EQ(no_member.problem, Outcome::Problem::unknown_name);
    EXPECT_EQ(no_member.message, "no member p9 in cluster main; it has p1, p2");
    EXPECT_EQ(control_.drain("silent", "p1", {}, caller_).problem, Outcome::Problem::conflict);
    EXPECT_EQ(proxy_.put_in_force, 0);
}

TEST_F(ControlTest, ADrainEndsWhenItsTimeIsOver) {
    (void)control_.drain("main", "p1", {{.lasts_for = 0s}}, caller_);
    const auto log = logged_during([&] { loop_.timers().fire_due(); });
    EXPECT_THAT(control_.settings().overrides_of("main").drained, IsEmpty());
    EXPECT_EQ(proxy_.put_in_force, 2);
    EXPECT_THAT(log, HasSubstr("main/p1: no longer drained by uid 0, pid 42; its time is over\n"));
}

TEST_F(ControlTest, AReloadDropsWhatIsAboutARemovedCluster) {
    (void)control_.drain("main", "p1", {}, caller_);
    proxy_.config_.clusters.erase(proxy_.config_.clusters.begin());
    const auto log = logged_during([&] { control_.on_reload(); });
    EXPECT_EQ(control_.settings().find(Operation::drain, "main", "p1"), nullptr);
    EXPECT_THAT(log, HasSubstr("main/p1: no longer drained by uid 0, pid 42: it is not in "
                               "the configuration any more"));
}

}  // namespace
}  // namespace proxy
