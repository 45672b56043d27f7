// Whose answer it is: whole courses of events, in no time.

#include <algorithm>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni/watch/poller.h"
#include "poller_fixture.h"

namespace patroni::poller_tests {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(TwinPollerTest, AnAnswerOfAnotherClusterIsNoEvidence) {
    for (const std::string scope : {"main", "other"})
        for (const bool by_itself : {true, false}) {
            twin.scope = scope;
            PolledWorld world(asking({vip}));
            mine.serve(world);
            twin.serve(world);
            world.apis[vip] = mine.api_of("p2");
            world.run_for(5s);
            ASSERT_EQ(world.leader().details.host, "10.0.0.1");
            world.apis[vip] = by_itself ? twin.api_of("p2")
                                        : answering_for(twin, [](const auto&) -> std::nullopt_t {
                                              return std::nullopt;
                                          });
            world.run_for(30s);
            EXPECT_EQ(world.leader().member, "p1") << scope << by_itself;
            EXPECT_FALSE(ever_led_elsewhere(world)) << scope << by_itself;
            EXPECT_THAT(world.views.back().warnings,
                        Contains(testing::AllOf(HasSubstr(vip), HasSubstr("111"))))
                << scope << by_itself;
        }
}

TEST_F(TwinPollerTest, OneAnswerOfUnknownOriginChangesNothing) {
    PolledWorld world(asking({vip}));  // no member's own API can be reached, nor the host's own
    twin.serve(world);
    const PolledWorld::Api silent = [](const auto&) -> std::nullopt_t { return std::nullopt; };
    world.apis[vip] = answering_for(mine, silent);
    world.run_for(5s);
    ASSERT_EQ(world.leader().details.host, "10.0.0.1");
    int wrong = 1;
    world.apis[vip] = [&](const std::string& path) -> std::optional<HttpReply> {
        if (path != "/cluster")
            return std::nullopt;
        return wrong-- > 0 ? twin.cluster("p1") : mine.cluster("p1");
    };
    world.run_for(30s);
    EXPECT_LT(wrong, 0);
    EXPECT_EQ(world.leader().details.host, "10.0.0.1");
    EXPECT_FALSE(ever_led_elsewhere(world));
}

TEST_F(PollerTest, ASelfReportVouchesForAnAnswerForAsLongAsARequestLasts) {
    for (const auto& [delay, leader] :
         {std::pair<Clock::duration, std::string>{1500ms, "p2"}, {10s, "p1"}}) {
        mine.leader = "p1";
        PolledWorld world(asking(all()));
        mine.serve(world);
        world.run_for(5s);
        ASSERT_EQ(world.leader().member, "p1");
        // p2 takes over, and answers GET /cluster once; its self-report takes longer than a poll.
        mine.leader = "p2";
        for (const auto& url : all())
            world.apis.erase(url);
        bool has_answered = false;
        world.apis[mine.url_of("p2")] = [&](const std::string& path) -> std::optional<HttpReply> {
            if (path != "/cluster")
                return mine.self_report("p2");
            return std::exchange(has_answered, true) ? std::nullopt
                                                     : std::optional(mine.cluster("p2"));
        };
        world.delays[mine.url_of("p2") + "/primary"] = delay;
        world.run_for(30s);
        EXPECT_TRUE(has_answered);
        EXPECT_EQ(world.leader().member, leader) << world.leader().reason;
    }
}

TEST_F(TwinPollerTest, ASelfReportVouchesForNoAnswerThatAnotherOneContradicts) {
    PolledWorld world(asking({vip}));
    mine.serve(world);
    twin.serve(world);
    world.apis[vip] = mine.api_of("p2");
    world.run_for(5s);
    ASSERT_EQ(world.leader().details.host, "10.0.0.1");
    // The address leads to both clusters by turns. That of the twin answers for it once.
    for (const auto& member : mine.members)
        world.apis[mine.url_of(member)] = [this, member](const std::string& path) {
            return path == "/cluster" ? std::nullopt : std::optional(mine.self_report(member));
        };
    bool has_answered = false;
    world.apis[vip] = [&](const std::string& path) -> std::optional<HttpReply> {
        if (path != "/cluster")
            return mine.self_report("p2");
        return std::exchange(has_answered, true) ? std::nullopt : std::optional(twin.cluster("p1"));
    };
    world.delays[twin.url_of("p1") + "/primary"] = 1500ms;
    world.delays[vip + "/primary"] = 2500ms;
    world.run_for(30s);
    EXPECT_TRUE(has_answered);
    for (const auto& view : world.views)
        for (const auto& member : view.snapshot->members)
            EXPECT_EQ(member.host.find(mine.net), 0U) << member.name << " at " << member.host;
}

TEST_F(TwinPollerTest, AMajorityOfTheHostsSaysWhichClusterItIs) {
    PolledWorld world(asking({twin.url_of("p1"), mine.url_of("p2"), mine.url_of("p3")}));
    mine.serve(world);
    twin.serve(world);
    world.run_for(5s);
    EXPECT_EQ(world.leader().details.host, "10.0.0.1");
    EXPECT_FALSE(ever_led_elsewhere(world));
    EXPECT_THAT(
        world.views.back().warnings,
        Contains(testing::AllOf(HasSubstr(twin.url_of("p1")), HasSubstr("222"), HasSubstr("111"))));
}

TEST_F(TwinPollerTest, WithoutAMajorityNobodyIsBelievedUnlessTheIdentityIsSet) {
    auto settings = asking({twin.url_of("p1"), mine.url_of("p2")});
    PolledWorld world(settings);
    mine.serve(world);
    twin.serve(world);
    world.run_for(5s);
    EXPECT_THAT(world.views, IsEmpty());
    EXPECT_THAT(world.polls.back().errors, HasSubstr("set scope and system_identifier"));

    settings.identity.system_identifier = "111";
    world.poller->reconfigure(settings, world.now);
    world.run_for(5s);
    EXPECT_EQ(world.leader().details.host, "10.0.0.1");
    EXPECT_FALSE(ever_led_elsewhere(world));
}

TEST_F(TwinPollerTest, NobodyLeadsWhereAnotherClusterAnswersFromTheStart) {
    PolledWorld world(asking({mine.url_of("p2")}));
    mine.serve(world);
    world.apis[mine.url_of("p1")] = [this](const std::string&) { return twin.self_report("p1"); };
    world.run_for(5s);
    EXPECT_EQ(world.leader().member, "");
    EXPECT_THAT(world.polls.back().errors, HasSubstr("the leader that it names answers for"));
}

TEST_F(TwinPollerTest, TheWarningEndsOnceTheHostAnswersForOurClusterAgain) {
    PolledWorld world(asking({vip}));
    mine.serve(world);
    world.apis[vip] = mine.api_of("p2");
    world.run_for(5s);
    world.apis[vip] = twin.api_of("p2");
    world.run_for(5s);
    EXPECT_THAT(world.views.back().warnings, Contains(HasSubstr(vip)));
    world.apis[vip] = mine.api_of("p2");
    world.apis.erase(mine.url_of("p3"));
    world.apis.erase(mine.url_of("p2"));
    world.run_for(15s);
    EXPECT_THAT(world.views.back().warnings, IsEmpty());
}

TEST_F(TwinPollerTest, TheWarningEndsWithTheMemberWhoseAddressItIsAbout) {
    PolledWorld world(asking({vip}));
    mine.serve(world);
    world.apis[vip] = mine.api_of("p2");
    world.run_for(5s);
    // All others are down, so that the addresses of members are asked. One is another cluster's.
    for (const auto& url : {vip, mine.url_of("p1"), mine.url_of("p2")})
        world.apis.erase(url);
    world.apis[mine.url_of("p3")] = twin.api_of("p3");
    world.run_for(5s);
    ASSERT_THAT(world.views.back().warnings, Contains(HasSubstr(mine.url_of("p3"))));
    mine.members = {"p1", "p2"};
    mine.serve(world);
    world.apis[vip] = mine.api_of("p2");
    world.run_for(15s);
    EXPECT_THAT(world.views.back().warnings, IsEmpty());
}

TEST_F(TwinPollerTest, AnotherMembersSelfReportCountsAsSilence) {
    PolledWorld world(asking({mine.url_of("p2")}));
    mine.serve(world);
    world.run_for(5s);
    for (const Told* other : {&twin, &mine}) {  // of another cluster; of another name
        world.apis[mine.url_of("p1")] = [=](const std::string&) {
            return other->self_report("p3");
        };
        world.run_for(5s);
        EXPECT_EQ(world.leader().member, "p1");  // by /cluster alone
        EXPECT_TRUE(world.leader().api_is_silent);
        EXPECT_THAT(world.views.back().warnings, Contains(HasSubstr("p3 of cluster main")));
    }
}

TEST_F(TwinPollerTest, AReinitializedClusterIsFollowed) {
    PolledWorld world(asking(all()));
    mine.serve(world);
    world.run_for(5s);
    mine.system = "333";
    world.run_for(5s);
    EXPECT_EQ(world.leader().member, "p1");
    EXPECT_FALSE(world.leader().api_is_silent) << world.leader().reason;
    mine.leader = "p2";
    world.run_for(2s);
    EXPECT_EQ(world.leader().member, "p2");
}

TEST_F(TwinPollerTest, AClusterIsNotReinitializedWhileAnybodySaysOtherwise) {
    PolledWorld world(asking({mine.url_of("p2"), mine.url_of("p3")}));
    mine.serve(world);
    world.run_for(5s);
    for (const std::string member : {"p2", "p3"})
        world.apis[mine.url_of(member)] = twin.api_of(member);
    world.run_for(30s);
    EXPECT_EQ(world.leader().details.host, "10.0.0.1");
    EXPECT_FALSE(ever_led_elsewhere(world));
}

TEST_F(TwinPollerTest, BeforePatroni3NobodyIsAskedForASystemIdentifier) {
    mine.system.clear();
    PolledWorld world(asking(all()));
    mine.serve(world);
    world.run_for(5s);
    EXPECT_EQ(world.leader().member, "p1");
    mine.leader = "p2";
    world.run_for(2s);
    EXPECT_EQ(world.leader().member, "p2");
}

TEST_F(TwinPollerTest, InCalmNobodyIsAskedWhoItIs) {
    PolledWorld world(asking({mine.url_of("p2"), mine.url_of("p3")}));
    mine.serve(world);
    world.run_for(5s);
    world.forget_asked();
    world.run_for(60s);
    for (const std::string host : {"p2", "p3"})
        EXPECT_EQ(world.asked(mine.url_of(host), "/primary"), 0U);
}

TEST_F(TwinPollerTest, ANewLeaderThatProvesItselfWaitsForNobody) {
    PolledWorld world(asking({mine.url_of("p3")}));
    mine.serve(world);
    world.run_for(5s);
    // The host is slow to say who it is: the new leader says it in its proof.
    world.apis[mine.url_of("p3")] = [this](const std::string& path) -> std::optional<HttpReply> {
        return path == "/cluster" ? std::optional(mine.cluster(mine.leader)) : std::nullopt;
    };
    mine.leader = "p2";
    const auto count = world.views.size();
    world.run_for(1100ms);
    const auto led =
        std::find_if(world.views.begin() + static_cast<std::ptrdiff_t>(count), world.views.end(),
                     [](const ClusterView& view) { return view.leader.member == "p2"; });
    ASSERT_NE(led, world.views.end());
    EXPECT_EQ(led->leader.confirmed_at - led->answered_at, 1ms) << "until it has proved itself";
}

// Another cluster may use the same names. Where its own APIs are out of reach, the entry of `hosts`
// that leads to our member of that name must not vouch for it.
TEST_F(TwinPollerTest, AMemberOfOursVouchesForNoClusterThatUsesItsName) {
    PolledWorld world(asking({vip, mine.url_of("p1"), mine.url_of("p2")}));
    mine.serve(world);
    world.apis[vip] = mine.api_of("p3");
    world.run_for(5s);
    mine.leader = "p2";
    world.run_for(3s);
    ASSERT_EQ(world.leader().member, "p2");
    for (const auto& member : mine.members)
        world.apis[mine.url_of(member)] = [this, member](const std::string& path) {
            return path == "/cluster" ? std::nullopt : std::optional(mine.self_report(member));
        };
    world.apis[vip] = twin.api_of("p3");
    world.delays[vip + "/primary"] = 150ms;  // its own report comes after that of our p1
    world.run_for(30s);
    for (const auto& view : world.views)
        for (const auto& member : view.snapshot->members)
            EXPECT_EQ(member.host.find(mine.net), 0U) << member.name << " at " << member.host;
}

TEST_F(TwinPollerTest, AHostOfOursIsBelievedThoughAnotherClusterAnswersAtTheNewLeadersApi) {
    PolledWorld world(asking(all()));
    mine.serve(world);
    world.run_for(5s);
    ASSERT_EQ(world.leader().member, "p1");
    // p1 freezes, and p2 takes over. It has moved, and somebody else has taken its old address.
    world.delays[mine.url_of("p1")] = 1h;
    mine.leader = "p2";
    mine.hosts["p2"] = "10.1.0.2";
    world.apis[mine.url_of("p2")] = [this](const std::string& path) {
        return path == "/cluster" ? twin.cluster("p1") : twin.self_report("p2");
    };
    world.run_for(4s);
    EXPECT_EQ(world.leader().member, "p2") << world.leader().reason;
    EXPECT_EQ(world.leader().details.host, "10.1.0.2");
    EXPECT_THAT(world.views.back().warnings, Contains(HasSubstr("222")));
}

TEST_F(PollerTest, AReinitializedClusterWhoseMembersShareAnApiIsFollowed) {
    for (const std::string& member : mine.members)
        mine.api_urls[member] = "http://127.0.0.1:8008";  // nobody is there
    PolledWorld world(asking(all()));
    mine.serve(world);
    world.run_for(5s);
    ASSERT_EQ(world.leader().reason, "leader");
    mine.system = "333";
    world.run_for(10s);
    EXPECT_EQ(world.leader().member, "p1");
    EXPECT_EQ(world.leader().reason, "leader");
    mine.leader = "p2";
    world.run_for(3s);
    EXPECT_EQ(world.leader().member, "p2");
}

TEST_F(TwinPollerTest, AClusterIsNotReinitializedByFewerThanMostOfTheHosts) {
    PolledWorld world(asking(all()));
    mine.serve(world);
    world.run_for(5s);
    // Another cluster's member has the address of p1, and nobody else answers.
    for (const auto& member : mine.members)
        world.apis.erase(mine.url_of(member));
    world.apis[mine.url_of("p1")] = twin.api_of("p1");
    world.run_for(30s);
    EXPECT_EQ(world.leader().details.host, "10.0.0.1");
    EXPECT_FALSE(ever_led_elsewhere(world));
}

}  // namespace
}  // namespace patroni::poller_tests
