#include "patroni/answers/member.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace patroni {
namespace {

TEST(MemberTest, RolesGoByTheNamesInCluster) {
    const std::vector<std::pair<std::string, Role>> cases{
        {"leader", Role::leader},
        {"standby_leader", Role::standby_leader},
        {"sync_standby", Role::sync_standby},
        {"quorum_standby", Role::quorum_standby},
        {"replica", Role::replica},
        // Names of GET /patroni, other spellings, and what a later Patroni may bring.
        {"master", Role::unknown},
        {"primary", Role::unknown},
        {"Leader", Role::unknown},
        {"leader ", Role::unknown},
        {"witness", Role::unknown},
        {"", Role::unknown},
    };
    for (const auto& [name, role] : cases)
        EXPECT_EQ(role_from(name), role) << name;
}

TEST(MemberTest, StatesThatServeAreThreeAndNoOther) {
    const std::vector<std::pair<std::string, State>> cases{
        {"running", State::running},
        {"streaming", State::streaming},
        {"in archive recovery", State::in_archive_recovery},
        {"starting", State::not_running},
        {"stopping", State::not_running},
        {"stopped", State::not_running},
        {"crashed", State::not_running},
        {"start failed", State::not_running},
        {"restarting", State::not_running},
        {"creating replica", State::not_running},
        {"initializing new cluster", State::not_running},
        {"initalizing new cluster", State::not_running},  // of 2.x
        {"initdb failed", State::not_running},
        {"running custom bootstrap script", State::not_running},
        {"custom bootstrap failed", State::not_running},
        {"starting after custom bootstrap", State::not_running},
        {"stop failed", State::not_running},
        {"restart failed", State::not_running},
        {"restart failed (running)", State::not_running},
    };
    for (const auto& [name, state] : cases) {
        EXPECT_EQ(state_from(name), state) << name;
        EXPECT_EQ(serves(state_from(name)), state != State::not_running) << name;
    }
}

TEST(MemberTest, AnUnknownStateReadsAsUnknown) {
    for (const auto* name : {"Running", "flying", "failed", "running ", ""}) {
        EXPECT_EQ(state_from(name), State::unknown) << name;
        EXPECT_FALSE(serves(state_from(name))) << name;
    }
}

TEST(MemberTest, IsReadableWithARoleAndAState) {
    Member member;
    EXPECT_FALSE(is_readable(member));
    member.role = Role::replica;
    EXPECT_FALSE(is_readable(member));
    member.state = State::not_running;
    EXPECT_TRUE(is_readable(member));
    member.role = Role::unknown;
    EXPECT_FALSE(is_readable(member));
}

TEST(MemberTest, ANumberIsTheShortestTextThatIsTheSame) {
    EXPECT_EQ(number_text(1.10), "1.1");
    EXPECT_EQ(number_text(2.0), "2");
    EXPECT_EQ(number_text(-0.5), "-0.5");
    EXPECT_EQ(number_text(0.30000000000000004), "0.30000000000000004");
}

TEST(MemberTest, IsTaggedByTheValueTrueAlone) {
    Member member;
    EXPECT_FALSE(member.tagged("noloadbalance"));
    member.tags = {{"noloadbalance", "true"}, {"nofailover", "false"}, {"zone", "a"}};
    EXPECT_TRUE(member.tagged("noloadbalance"));
    EXPECT_FALSE(member.tagged("nofailover"));
    EXPECT_FALSE(member.tagged("clonefrom"));
    for (const char* yes : {"1", "yes", "a"}) {
        member.tags["noloadbalance"] = yes;
        EXPECT_TRUE(member.tagged("noloadbalance")) << yes;
    }
    for (const char* no : {"0", "false", ""}) {
        member.tags["noloadbalance"] = no;
        EXPECT_FALSE(member.tagged("noloadbalance")) << no;
    }
}

}  // namespace
}  // namespace patroni
