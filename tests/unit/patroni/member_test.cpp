#include "patroni/member.h"

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
        {"Running", State::not_running},
        {"", State::not_running},
    };
    for (const auto& [name, state] : cases) {
        EXPECT_EQ(state_from(name), state) << name;
        EXPECT_EQ(serves(state_from(name)), state != State::not_running) << name;
    }
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
