// Whom to ask, and what an answer changes: whole courses of events, in no time.

#include "patroni/watch/poller.h"

#include <algorithm>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "polled_world.h"

namespace patroni {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

/// A cluster as its members tell of it.
struct Told {
    std::string scope = "main";
    std::string system = "111";  ///< empty: not told
    std::string net = "10.0.0.";
    std::vector<std::string> members = {"p1", "p2", "p3"};
    std::string leader = "p1";
    std::map<std::string, std::string> api_urls = {};  ///< where they are not their own

    [[nodiscard]] std::string url_of(const std::string& member) const {
        return "http://" + net + member.substr(1) + ":8008";
    }
    [[nodiscard]] HttpReply cluster(const std::string& named) const {
        std::string list;
        for (const auto& member : members) {
            const auto api = api_urls.find(member);
            list += (list.empty() ? "" : ", ") + std::string(R"({"name": ")") + member +
                    R"(", "role": ")" + (member == named ? "leader" : "replica") +
                    R"(", "state": "running", "timeline": 1, "port": 5432, "host": ")" + net +
                    member.substr(1) + R"(", "api_url": ")" +
                    (api == api_urls.end() ? url_of(member) : api->second) + R"(/patroni"})";
        }
        return {200, "OK",
                R"({"members": [)" + list + "]" +
                    (scope.empty() ? "" : R"(, "scope": ")" + scope + '"') + "}"};
    }
    [[nodiscard]] HttpReply self_report(const std::string& member) const {
        const bool leads = member == leader;
        return {leads ? 200 : 503, leads ? "OK" : "Service Unavailable",
                std::string(R"({"state": "running", "timeline": 1, "role": ")") +
                    (leads ? "primary" : "replica") + '"' +
                    (system.empty() ? "" : R"(, "database_system_identifier": ")" + system + '"') +
                    R"(, "patroni": {"version": "4.0.5", "scope": ")" + scope + R"(", "name": ")" +
                    member + R"("}})"};
    }
    [[nodiscard]] PolledWorld::Api api_of(const std::string& member) const {
        return [this, member](const std::string& path) -> std::optional<HttpReply> {
            return path == "/cluster" ? cluster(leader) : self_report(member);
        };
    }
    void serve(PolledWorld& world) const {
        for (const auto& member : members)
            world.apis[url_of(member)] = api_of(member);
    }
};

ClusterWatcher::Settings asking(const std::vector<std::string>& urls) {
    ClusterWatcher::Settings settings;
    for (const auto& url : urls)
        settings.hosts.push_back(Endpoint::parse(url).value());
    settings.interval = 1s;
    return settings;
}

class PollerTest : public testing::Test {
  protected:
    [[nodiscard]] std::vector<std::string> all() const {
        std::vector<std::string> urls;
        for (const auto& member : mine.members)
            urls.push_back(mine.url_of(member));
        return urls;
    }

    Told mine;
};

// ---------------------------------------------------------------------------------------------
// A stale view

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

// ---------------------------------------------------------------------------------------------
// Whose answer it is

/// Another cluster at other addresses, alike in scope and names but for the system identifier.
class TwinPollerTest : public PollerTest {
  protected:
    TwinPollerTest() {
        twin.system = "222";
        twin.net = "10.9.0.";
    }
    /// GET /cluster of the twin, through a host that is else what it was.
    static PolledWorld::Api answering_for(const Told& told, PolledWorld::Api api) {
        return [&told, api = std::move(api)](const std::string& path) {
            return path == "/cluster" ? told.cluster(told.leader) : api(path);
        };
    }
    static bool ever_led_elsewhere(const PolledWorld& world) {
        return std::any_of(world.views.begin(), world.views.end(), [](const ClusterView& view) {
            return view.leader.standing == Standing::eligible &&
                   view.leader.details.host != "10.0.0.1";
        });
    }

    Told twin;
    const std::string vip = "http://10.0.0.100:8008";
};

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
    EXPECT_EQ(led->leader.confirmed_at - led->answered_at, 0ms);
}

// ---------------------------------------------------------------------------------------------
// APIs that are not a member's own

TEST_F(PollerTest, MembersThatShareAnApiNeitherProveNorDenyByIt) {
    const std::string shared = "http://127.0.0.1:8008";
    for (const std::string& member : mine.members)
        mine.api_urls[member] = shared;
    PolledWorld world(asking({mine.url_of("p2")}));
    mine.serve(world);
    world.apis[shared] = mine.api_of("p2");  // the one on this host
    world.run_for(5s);
    EXPECT_EQ(world.leader().member, "p1");
    EXPECT_EQ(world.leader().standing, Standing::eligible);
    EXPECT_THAT(world.views.back().warnings, Contains(HasSubstr("also that of p2")));
}

TEST_F(PollerTest, AnEntryOfHostsIsAskedWhereTheMembersOwnUrlCannotBeReached) {
    PolledWorld world(asking(all()));
    mine.serve(world);
    for (const std::string& member : mine.members)
        mine.api_urls[member] = "http://10.77.0." + member.substr(1) + ":8008";
    world.run_for(5s);
    EXPECT_EQ(world.leader().member, "p1");
    EXPECT_EQ(world.leader().reason, "leader");
    mine.leader = "p3";
    world.run_for(3s);
    EXPECT_EQ(world.leader().member, "p3");
    EXPECT_EQ(world.leader().reason, "leader");
    // Nobody is left who speaks for it.
    world.apis.erase(mine.url_of("p3"));
    world.run_for(5s);
    EXPECT_THAT(world.leader().reason, HasSubstr("leader by /cluster alone"));
}

TEST_F(PollerTest, AnEntryOfHostsThatLeadsToTheMemberIsAskedInstead) {
    const std::string shared = "http://service:8008";
    for (const std::string& member : mine.members)
        mine.api_urls[member] = shared;
    for (const bool is_named : {true, false}) {  // else by the member's address
        PolledWorld world(asking(all()));
        for (const std::string& member : mine.members)
            world.apis[mine.url_of(member)] = [this, is_named, member](const std::string& path) {
                HttpReply reply = mine.api_of(member)(path).value();
                if (const auto at = reply.body.find(R"(, "name": ")" + member + R"("}})");
                    !is_named && at != std::string::npos)
                    reply.body = reply.body.substr(0, at) + "}}";
                return reply;
            };
        world.apis[shared] = mine.api_of("p2");
        world.run_for(5s);
        EXPECT_EQ(world.leader().reason, "leader") << is_named;
        mine.leader = "p3";
        world.run_for(2s);
        EXPECT_EQ(world.leader().member, "p3") << is_named;
        EXPECT_EQ(world.leader().reason, "leader") << is_named;
        mine.leader = "p1";
    }
}

}  // namespace
}  // namespace patroni
