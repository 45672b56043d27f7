#include "patroni_proxy/report/serving.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace proxy {
namespace {

using patroni::Standing;
using testing::ElementsAre;

TEST(ServingTest, WhoServesIsEligibleAndCanBeReached) {
    PortReport port;
    port.members = {{"p1", Standing::out, "role is leader"},
                    {"p2", Standing::eligible, "role is replica"},
                    {"p3", Standing::eligible, "role is replica"},
                    {"p4", Standing::tolerated, "it lags"}};
    EXPECT_THAT(who_serves(port), ElementsAre("p2", "p3"));
    port.members[1].unreachable = "refused";
    EXPECT_THAT(who_serves(port), ElementsAre("p3"));
    port.members[2].unreachable = "timed out";
    EXPECT_THAT(who_serves(port), ElementsAre());
    EXPECT_EQ(why_nobody_serves({}, port),
              "p1: role is leader; p2: cannot be reached: refused; p3: cannot be reached: timed "
              "out; p4: it lags");
}

TEST(ServingTest, WithoutMembersItIsPatroniWhoSaysSoOrNothing) {
    ClusterReport cluster;
    EXPECT_EQ(why_nobody_serves(cluster, {}), "Patroni has not answered yet");
    cluster.answer_age = 0.5;
    EXPECT_EQ(why_nobody_serves(cluster, {}), "Patroni names no member");
}

}  // namespace
}  // namespace proxy
