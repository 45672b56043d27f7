// Hosts that hang, or whose view is stale: whole courses of events, in no time.

#include "patroni/watch/poller.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "poller_fixture.h"

namespace patroni::poller_tests {
namespace {

TEST_F(PollerTest, AHostWithAStaleViewHoldsNothingUp) {
    PolledWorld world(asking(all()));
    mine.serve(world);
    world.apis[mine.url_of("p1")] = [this](const std::string& path) -> std::optional<HttpReply> {
        return path == "/cluster" ? mine.cluster("p1") : mine.self_report("p1");
    };
    world.run_for(5s);
    ASSERT_EQ(world.leader().member, "p1");
    mine.leader = "p2";
    world.run_for(2s);
    EXPECT_EQ(world.leader().member, "p2") << world.leader().reason;
    EXPECT_EQ(world.leader().standing, Standing::eligible);
    // And who knew better is kept.
    const auto asked = world.asked(mine.url_of("p1"), "/cluster");
    world.run_for(60s);
    EXPECT_EQ(world.asked(mine.url_of("p1"), "/cluster"), asked);
    EXPECT_EQ(world.leader().member, "p2");
}

TEST_F(PollerTest, AHostThatHasNotAnsweredIsNotAskedAgain) {
    PolledWorld world(asking({mine.url_of("p1"), mine.url_of("p2")}));
    mine.serve(world);
    world.run_for(5s);
    world.forget_asked();
    world.delays[mine.url_of("p1")] = 20s;
    world.run_for(3s);
    ASSERT_EQ(world.asked(mine.url_of("p1"), "/cluster"), 1U);
    for (const auto& url : all())
        if (url != mine.url_of("p1"))
            world.apis.erase(url);
    world.run_for(10s);
    EXPECT_EQ(world.asked(mine.url_of("p1"), "/cluster"), 1U);
    world.run_for(15s);
    EXPECT_GT(world.asked(mine.url_of("p1"), "/cluster"), 1U);
}

TEST_F(PollerTest, ASingleHostWithAStaleViewHoldsNothingUpEither) {
    PolledWorld world(asking({mine.url_of("p1")}));
    mine.serve(world);
    world.apis[mine.url_of("p1")] = [this](const std::string& path) -> std::optional<HttpReply> {
        return path == "/cluster" ? mine.cluster("p1") : mine.self_report("p1");
    };
    world.run_for(5s);
    mine.leader = "p2";
    world.run_for(2s);
    EXPECT_EQ(world.leader().member, "p2") << world.leader().reason;
}

TEST_F(TwinPollerTest, AnotherClustersAnswerAndAHangingHostHoldNothingUp) {
    PolledWorld world(asking({mine.url_of("p1"), vip, mine.url_of("p2")}));
    mine.serve(world);
    twin.serve(world);
    world.apis[vip] = mine.api_of("p3");
    world.run_for(5500ms);
    ASSERT_EQ(world.leader().member, "p1");
    world.apis[vip] = twin.api_of("p3");
    world.delays[mine.url_of("p1")] = 1h;
    mine.leader = "p2";
    world.run_for(4s);
    EXPECT_EQ(world.leader().member, "p2") << world.leader().reason;
}

TEST_F(PollerTest, AHostThatHangsKeepsNoOtherFromBeingAskedAgain) {
    PolledWorld world(asking({mine.url_of("p1"), mine.url_of("p2")}));
    mine.serve(world);
    world.run_for(5s);
    ASSERT_EQ(world.leader().member, "p1");
    world.delays[mine.url_of("p1")] = 1h;
    for (const std::string member : {"p2", "p3"})
        world.apis.erase(mine.url_of(member));
    world.run_for(3s);
    mine.leader = "p2";
    mine.serve(world);
    world.run_for(2s);
    EXPECT_EQ(world.leader().member, "p2") << world.leader().reason;
}

// As while Patroni's store is down.
TEST_F(PollerTest, HostsThatAllHangByTurnsDoNotKeepAPollFromEnding) {
    PolledWorld world(asking(all()));
    mine.serve(world);
    world.run_for(5s);
    ASSERT_EQ(world.leader().member, "p1");
    const auto polls = world.polls.size();
    for (const auto& member : mine.members) {
        world.delays[mine.url_of(member) + "/cluster"] = 3s;
        world.apis[mine.url_of(member)] =
            [this, member](const std::string& path) -> std::optional<HttpReply> {
            return path == "/cluster" ? std::nullopt : std::optional(mine.self_report(member));
        };
    }
    world.run_for(20s);
    EXPECT_GE(world.polls.size(), polls + 2);
    EXPECT_FALSE(world.polls.back().answered);
    // Between the polls the leader is asked, so that its end is noticed.
    mine.leader.clear();
    world.run_for(20s);
    EXPECT_NE(world.leader().standing, Standing::eligible);
}

// A host is asked who it is. If it is the leader's own API, that is also the leader's self-report.
TEST_F(PollerTest, AnAnswerIsAsOldAsItIsHoweverLongItTakesToKnowWhoseItIs) {
    PolledWorld world(asking({mine.url_of("p2")}));
    mine.serve(world);
    world.run_for(5s);
    world.delays[mine.url_of("p2") + "/primary"] = 800ms;  // by which the answer is known as ours
    mine.members = {"p1", "p2"};
    std::optional<Clock::time_point> came_at;
    world.apis[mine.url_of("p2")] = [&](const std::string& path) {
        if (path == "/cluster" && !came_at)
            came_at = world.now;
        return mine.api_of("p2")(path);
    };
    world.run_for(3s);
    const auto known =
        std::find_if(world.views.begin(), world.views.end(),
                     [](const ClusterView& view) { return view.snapshot->members.size() == 2; });
    ASSERT_NE(known, world.views.end());
    EXPECT_EQ(known->answered_at, came_at);
}

TEST_F(PollerTest, AProofThatIsLongOnItsWayBringsNoFormerLeaderBack) {
    PolledWorld world(asking({mine.url_of("p3")}));
    mine.serve(world);
    world.run_for(5s);
    ASSERT_EQ(world.leader().member, "p1");
    const HttpReply proof = mine.self_report("p1");
    world.delays[mine.url_of("p1") + "/primary"] = 2900ms;
    world.run_for(1s);
    // p1 has been asked. Now p2 has the lock, and is not promoted yet.
    mine.leader.clear();
    bool has_proved = false;
    for (const auto& member : mine.members)
        world.apis[mine.url_of(member)] = [&, member](const std::string& path) {
            if (path == "/cluster")
                return std::optional(mine.cluster("p2"));
            const bool is_late = member == "p1" && !std::exchange(has_proved, true);
            return std::optional(is_late ? proof : mine.self_report(member));
        };
    const auto count = world.views.size();
    world.run_for(5s);
    EXPECT_TRUE(has_proved);
    const auto lost =
        std::find_if(world.views.begin() + static_cast<std::ptrdiff_t>(count), world.views.end(),
                     [](const ClusterView& view) { return view.leader.member.empty(); });
    EXPECT_NE(lost, world.views.end());
    EXPECT_TRUE(std::all_of(lost, world.views.end(),
                            [](const ClusterView& view) { return view.leader.member.empty(); }));
}

TEST_F(PollerTest, TheLeadersReportCountsWhateverItWasAskedFor) {
    PolledWorld world(asking({mine.url_of("p1")}));
    mine.serve(world);
    world.run_for(5s);
    ASSERT_EQ(world.leader().standing, Standing::eligible);
    mine.members.pop_back();  // a change, for which the host has to vouch
    int reports = 0;
    world.apis[mine.url_of("p1")] = [&](const std::string& path) -> std::optional<HttpReply> {
        if (path == "/cluster")
            return mine.cluster("p1");
        if (++reports > 1)
            return std::nullopt;
        Told demoted = mine;
        demoted.leader = "p2";
        return demoted.self_report("p1");
    };
    world.run_for(1100ms);
    ASSERT_GT(reports, 0);
    EXPECT_TRUE(std::any_of(world.views.begin(), world.views.end(), [](const ClusterView& view) {
        return view.leader.standing == Standing::tolerated;
    }));
}

}  // namespace
}  // namespace patroni::poller_tests
