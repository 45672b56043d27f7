// A real cluster of etcd, Patroni and PostgreSQL behind the built proxy, used through real psql:
// the main job.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testbed.h"

using support::PsqlSession;
using namespace std::chrono_literals;

namespace {

TEST(RealCluster, RoutesByRoleThroughSwitchoverAndKill) {
    Testbed testbed({"--members", "3", "--tags", "p3:nofailover=true"});
    const ProxyUnderTest proxy(real_config());
    EXPECT_EQ(who_answers(proxy, "master"), "127.0.0.11|f");
    EXPECT_THAT(who_answers(proxy, "replicas"), testing::EndsWith("|t"));

    HeldSession reader(session_on(proxy, "replicas", "127.0.0.13"));
    PsqlSession writer(conninfo(proxy, "master"));
    ASSERT_TRUE(writer.alive());

    testbed.run({"switchover", "--to", "p2"});
    EXPECT_TRUE(writer.wait_for_closed(10s));
    support::eventually([&] { return who_answers(proxy, "master") == "127.0.0.12|f"; }, 10s,
                        "the leader port to reach p2");
    EXPECT_THAT(who_answers(proxy, "replicas"), testing::EndsWith("|t"));
    EXPECT_TRUE(reader.untouched());

    PsqlSession second_writer(conninfo(proxy, "master"));
    ASSERT_TRUE(second_writer.alive());
    testbed.run({"kill", "p2"});
    EXPECT_TRUE(second_writer.wait_for_closed(10s));
    // Patroni elects once the leader's key has expired (ttl 20).
    support::eventually([&] { return who_answers(proxy, "master") == "127.0.0.11|f"; }, 60s,
                        "the leader port to reach p1");
    EXPECT_EQ(who_answers(proxy, "replicas"), "127.0.0.13|t");
    EXPECT_TRUE(reader.untouched());
    EXPECT_EQ(reader.session().query("COMMIT").error, "");
}

}  // namespace
