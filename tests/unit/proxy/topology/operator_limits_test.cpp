#include "patroni_proxy/topology/operator_limits.h"

#include <memory>

#include <gtest/gtest.h>

namespace proxy {
namespace {

using patroni::Standing;

patroni::ClusterView led_by(const std::string& member, Standing standing = Standing::eligible) {
    patroni::ClusterView view;
    view.leader.member = member;
    view.leader.standing = member.empty() ? Standing::out : standing;
    view.leader.reason = "leader";
    return view;
}

TEST(FrozenViewTest, WhatPatroniSaysOfOthersChangesNothing) {
    FrozenView frozen(led_by("p1"));
    EXPECT_FALSE(frozen.on_view(led_by("")));
    EXPECT_FALSE(frozen.on_view(led_by("p2", Standing::tolerated)));
    auto by_cluster_alone = led_by("p2");
    by_cluster_alone.leader.api_is_silent = true;
    EXPECT_FALSE(frozen.on_view(by_cluster_alone));
    auto denied_by_others = led_by("p1");
    denied_by_others.denials["p2"] = "its API answers 503";
    EXPECT_FALSE(frozen.on_view(denied_by_others));
    EXPECT_EQ(frozen.in_force().leader.standing, Standing::eligible);
}

TEST(FrozenViewTest, TheLeadersOwnWordAgainstItselfCountsUntilItLeadsAgain) {
    FrozenView frozen(led_by("p1"));
    auto denied = led_by("p1", Standing::tolerated);
    denied.denials["p1"] = "its API answers 503, role replica";
    EXPECT_TRUE(frozen.on_view(denied));
    EXPECT_EQ(frozen.in_force().leader.member, "p1");
    EXPECT_EQ(frozen.in_force().leader.standing, Standing::tolerated) << "its sessions stay";
    EXPECT_EQ(frozen.in_force().leader.reason,
              "the cluster is frozen, but its API answers 503, role replica");
    EXPECT_FALSE(frozen.on_view(led_by(""))) << "silence does not bring it back";
    EXPECT_EQ(frozen.in_force().leader.standing, Standing::tolerated);
    EXPECT_TRUE(frozen.on_view(led_by("p1")));
    EXPECT_EQ(frozen.in_force().leader.standing, Standing::eligible);
}

TEST(FrozenViewTest, AnotherMemberThatProvesItselfKeepsWritersFromTheFrozenLeader) {
    FrozenView frozen(led_by("p1"));
    EXPECT_TRUE(frozen.on_view(led_by("p2")));
    EXPECT_EQ(frozen.in_force().leader.member, "p1") << "and nobody else becomes leader";
    EXPECT_EQ(frozen.in_force().leader.standing, Standing::tolerated);
    EXPECT_EQ(frozen.in_force().leader.reason,
              "the cluster is frozen, but p2 reports that it is primary");
}

TEST(FrozenViewTest, ALeaderThatDeniesItselfForGoodLosesItsSessionsUntilItLeadsAgain) {
    FrozenView frozen(led_by("p1"));
    auto once = led_by("p1", Standing::tolerated);
    once.denials["p1"] = "its API answers 503, role replica";
    EXPECT_TRUE(frozen.on_view(once));
    EXPECT_EQ(frozen.in_force().leader.standing, Standing::tolerated) << "one answer may be wrong";
    auto replaced = led_by("p2");
    replaced.denials = once.denials;
    EXPECT_TRUE(frozen.on_view(replaced));
    EXPECT_EQ(frozen.in_force().leader.member, "p1");
    EXPECT_EQ(frozen.in_force().leader.standing, Standing::out);
    EXPECT_EQ(frozen.in_force().leader.reason,
              "the cluster is frozen, but its API answers 503, role replica");
    EXPECT_FALSE(frozen.on_view(led_by("p2"))) << "its denial is forgotten, but not what follows";
    EXPECT_FALSE(frozen.on_view(once));
    EXPECT_TRUE(frozen.on_view(led_by("p1")));
    EXPECT_EQ(frozen.in_force().leader.standing, Standing::eligible);
}

TEST(FrozenViewTest, ALeaderInDoubtWhenItWasFrozenLeadsOnceItProvesItself) {
    FrozenView frozen(led_by("p1", Standing::tolerated));
    EXPECT_FALSE(frozen.on_view(led_by("p1", Standing::tolerated)));
    EXPECT_TRUE(frozen.on_view(led_by("p1")));
    EXPECT_EQ(frozen.in_force().leader.standing, Standing::eligible);
}

TEST(FrozenViewTest, AClusterIsFrozenOnlyWithALeaderOrAsAStandbyCluster) {
    EXPECT_EQ(why_not_frozen({}), "Patroni has not answered yet");
    const auto with_member = [](patroni::ClusterView view, patroni::Role role) {
        patroni::ClusterSnapshot snapshot;
        snapshot.members.emplace_back();
        snapshot.members.back().role = role;
        view.snapshot = std::make_shared<const patroni::ClusterSnapshot>(snapshot);
        return view;
    };
    EXPECT_EQ(why_not_frozen(with_member(led_by("p1"), patroni::Role::leader)), "");
    EXPECT_EQ(why_not_frozen(with_member(led_by(""), patroni::Role::standby_leader)), "");
    auto in_doubt = led_by("p1", Standing::tolerated);
    in_doubt.leader.reason = "Patroni shows no leader; waiting for a second answer";
    EXPECT_EQ(why_not_frozen(with_member(in_doubt, patroni::Role::leader)),
              "no member leads, and none could until it is unfrozen: Patroni shows no leader; "
              "waiting for a second answer");
}

TEST(FrozenViewTest, NobodyBecomesLeaderOfAClusterThatWasFrozenWithoutOne) {
    FrozenView frozen(led_by(""));
    EXPECT_FALSE(frozen.on_view(led_by("p1")));
    EXPECT_EQ(frozen.in_force().leader.member, "");
}

}  // namespace
}  // namespace proxy
