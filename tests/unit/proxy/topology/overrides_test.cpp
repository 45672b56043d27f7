#include "patroni_proxy/topology/overrides.h"

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
    auto denied = led_by("");
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

TEST(FrozenViewTest, NobodyBecomesLeaderOfAClusterThatWasFrozenWithoutOne) {
    FrozenView frozen(led_by(""));
    EXPECT_FALSE(frozen.on_view(led_by("p1")));
    EXPECT_EQ(frozen.in_force().leader.member, "");
}

}  // namespace
}  // namespace proxy
