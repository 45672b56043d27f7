// The roles that a port or a listener may ask for.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "patroni/verdict/eligibility.h"

namespace patroni {
namespace {

TEST(RequestedRoleTest, WordsAreReadInAnyCase) {
    const std::vector<std::pair<std::string, RequestedRole>> cases{
        {"leader", RequestedRole::leader},
        {"LEADER", RequestedRole::leader},
        {"Sync", RequestedRole::sync},
        {"Quorum", RequestedRole::quorum},
        {"aSYNC", RequestedRole::async},
        {"replica", RequestedRole::replica},
        {"Standby_Leader", RequestedRole::standby_leader},
        {"any", RequestedRole::any},
        {"ANY", RequestedRole::any},
    };
    for (const auto& [word, role] : cases)
        EXPECT_EQ(requested_role_from(word), role) << word;
}

TEST(RequestedRoleTest, OtherWordsAreRefused) {
    for (const std::string word : {"", "leade", "leaders", "master", "primary", "replicas", "sync ",
                                   "leader,sync", "sync_standby", "standby-leader"})
        EXPECT_EQ(requested_role_from(word), std::nullopt) << word;
}

TEST(RequestedRoleTest, AllNamesCanBeRequested) {
    EXPECT_EQ(requested_role_names(), "leader, sync, quorum, async, replica, standby_leader, any");
}

TEST(RequestedRoleTest, SomeCoverAnotherIfTheyTakeAllThatItTakes) {
    using R = RequestedRole;
    const std::map<R, std::set<R>> covered{
        {R::leader, {R::leader}},
        {R::sync, {R::sync}},
        {R::quorum, {R::quorum}},
        {R::async, {R::async, R::quorum}},
        {R::replica, {R::replica, R::sync, R::quorum, R::async}},
        {R::standby_leader, {R::standby_leader}},
        {R::any, {kAllRequestedRoles.begin(), kAllRequestedRoles.end()}},
    };
    for (const auto& [wide, narrow] : covered)
        for (const auto role : kAllRequestedRoles)
            EXPECT_EQ(covers({wide}, role), narrow.contains(role))
                << name_of(wide) << " over " << name_of(role);
    // Together they may take what none of them takes alone.
    EXPECT_TRUE(covers({R::sync, R::async}, R::replica));
    EXPECT_FALSE(covers({R::sync, R::quorum}, R::replica));
    EXPECT_TRUE(covers({R::leader, R::replica, R::standby_leader}, R::any));
    EXPECT_FALSE(covers({R::leader, R::replica}, R::any));
    EXPECT_FALSE(covers({}, R::leader));
}

}  // namespace
}  // namespace patroni
