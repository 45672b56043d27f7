// Patroni's store is down, so that GET /cluster hangs everywhere, and GET /primary does not: whole
// courses of events, in no time.

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "patroni/watch/poller.h"
#include "poller_fixture.h"

namespace patroni::poller_tests {
namespace {

class PollerOutageTest : public PollerTest {};

// An agent with its defaults takes a leader from HAProxy that is not confirmed for five seconds.
TEST_F(PollerOutageTest, ALeaderThatProvesItselfStaysConfirmed) {
    for (const std::string leader : {"p1", "p3"}) {  // the host that is asked first, and last
        mine.leader = leader;
        auto settings = asking(all());
        settings.timeouts.total = 2s;
        PolledWorld world(settings);
        mine.serve(world);
        world.run_for(5s);
        ASSERT_EQ(world.leader().member, leader);
        for (const auto& url : all())
            world.hanging.insert(url + "/cluster");
        Clock::duration longest{0};
        for (int i = 0; i < 600; ++i) {
            world.run_for(100ms);
            longest = std::max(longest, world.now - world.leader().confirmed_at);
        }
        // Its own API answers after GET /cluster has been given up, once that is asked there.
        EXPECT_LE(longest, 3'100ms) << leader;
        EXPECT_EQ(world.leader().reason, "leader");
        EXPECT_FALSE(world.polls.back().answered);
    }
}

TEST_F(PollerOutageTest, AFrozenLeaderDoesNotDelayTheNextOne) {
    PolledWorld world(asking(all()));
    mine.serve(world);
    world.run_for(5s);
    for (const std::string path : {"/cluster", "/primary"})
        world.hanging.insert(mine.url_of("p1") + path);
    world.run_for(20s);
    ASSERT_EQ(world.leader().member, "p1") << "its lock has not run out";
    ASSERT_TRUE(world.polls.back().answered);
    mine.leader = "p2";
    world.run_for(500ms);
    EXPECT_EQ(world.leader().member, "p2") << world.leader().reason;
    EXPECT_EQ(world.leader().standing, Standing::eligible);
}

}  // namespace
}  // namespace patroni::poller_tests
