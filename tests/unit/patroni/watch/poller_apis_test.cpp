// APIs that are not a member's own: whole courses of events, in no time.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni/watch/poller.h"
#include "poller_fixture.h"

namespace patroni::poller_tests {
namespace {

using testing::Contains;
using testing::HasSubstr;

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

TEST_F(PollerTest, ASelfReportCostsNoComparisonOfEachMemberWithEachOther) {
    for (int i = 4; i <= 100; ++i)
        mine.members.push_back("p" + std::to_string(i));
    mine.leader = "p100";
    PolledWorld world(asking({mine.url_of("p1")}));
    mine.serve(world);
    world.run_for(2s);
    ASSERT_EQ(world.leader().reason, "leader");
    world.addresses_asked = 0;
    world.forget_asked();
    world.run_for(10s);
    const std::size_t reports = world.asked(mine.url_of("p100"), "/primary");
    ASSERT_GE(reports, 5U);
    EXPECT_LE(world.addresses_asked, 20 * reports * mine.members.size());
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
}  // namespace patroni::poller_tests
