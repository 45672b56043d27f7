// What operators change of a running proxy.

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy_fixture.h"

namespace proxy {
namespace {

using support::Closed;
using testing::HasSubstr;
using testing::Not;

const Caller kCaller{"uid 0, pid 42"};

class ProxyControlTest : public ProxyTest {
  protected:
    Outcome drain(const std::string& member) {
        return proxy_.operate(
            [&](Control& control) { return control.drain("main", member, {}, kCaller); });
    }
    Outcome ready(const std::string& member) {
        return proxy_.operate(
            [&](Control& control) { return control.ready("main", member, kCaller); });
    }

    RunningProxy proxy_{config()};
};

TEST_F(ProxyControlTest, ADrainKeepsSessionsAndLetsNoNewOnesIn) {
    auto session = session_on("b1", kLeader);
    EXPECT_TRUE(drain("b1").changed);
    EXPECT_EQ(connect(kLeader).wait_for_close(), Closed::fin);
    expect_alive(session);
    EXPECT_TRUE(ready("b1").changed);
    (void)session_on("b1", kLeader);
    expect_alive(session);
}

TEST_F(ProxyControlTest, ADrainSurvivesPollsAndReloadsAndIsReported) {
    EXPECT_EQ(drain("b9").message, "no member b9 in cluster main; it has b1, b2");
    EXPECT_TRUE(drain("b1").changed);
    (void)update_clusters();
    auto other = config();
    other.clusters[0].ports[0].settings.max_connections = 7;
    EXPECT_EQ(proxy_.apply(other), "");
    EXPECT_EQ(connect(kLeader).wait_for_close(), Closed::fin);
    const auto report = proxy_.report();
    ASSERT_EQ(report.clusters[0].operator_settings.size(), 1U);
    EXPECT_EQ(report.clusters[0].operator_settings[0].setting, "drain");
    EXPECT_EQ(report.clusters[0].operator_settings[0].member, "b1");
    EXPECT_EQ(report.clusters[0].operator_settings[0].by, "uid 0, pid 42");
    EXPECT_EQ(report.clusters[0].ports[0].members[0].reason, "drained by uid 0, pid 42");
    EXPECT_THAT(http("/metrics"),
                HasSubstr("patroni_proxy_operator_setting{cluster=\"main\",setting=\"drain\","
                          "member=\"b1\"} 1\n"));
    (void)ready("b1");
    EXPECT_THAT(http("/metrics"), Not(HasSubstr("operator_setting")));
}

}  // namespace
}  // namespace proxy
