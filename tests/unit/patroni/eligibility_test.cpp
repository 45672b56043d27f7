#include "patroni/eligibility.h"

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace patroni {
namespace {

const std::vector<std::string> kRoleNames{"leader", "standby_leader", "sync_standby",
                                          "quorum_standby", "replica"};

Member member_of(const std::string& role, const std::string& state = "running") {
    Member member;
    member.name = "p1";
    member.role_name = role;
    member.role = role_from(role);
    member.state_name = state;
    member.state = state_from(state);
    member.host = "127.0.0.11";
    return member;
}

Member replica_with(std::optional<std::uint64_t> lag) {
    Member member = member_of("replica", "streaming");
    member.lag = lag;
    return member;
}

ClusterSnapshot snapshot_of(std::vector<Member> members) {
    ClusterSnapshot snapshot;
    snapshot.members = std::move(members);
    return snapshot;
}

Requirements wanting(std::set<RequestedRole> roles,
                     std::optional<std::uint64_t> max_lag = std::nullopt) {
    return {std::move(roles), max_lag};
}

/// The verdict as one text: "yes: leader", "no: role is replica".
std::string verdict_of(const ClusterSnapshot& snapshot, std::size_t member,
                       const Requirements& wanted) {
    const Verdict verdict = judge(snapshot, snapshot.members[member], wanted);
    return (verdict.eligible ? "yes: " : "no: ") + verdict.reason;
}

std::string verdict_of(const Member& member, const Requirements& wanted) {
    return verdict_of(snapshot_of({member}), 0, wanted);
}

TEST(RequestedRoleTest, WordsAreReadInAnyCase) {
    const std::vector<std::pair<std::string, RequestedRole>> cases{
        {"leader", RequestedRole::leader}, {"LEADER", RequestedRole::leader},
        {"Sync", RequestedRole::sync},     {"aSYNC", RequestedRole::async},
        {"any", RequestedRole::any},       {"ANY", RequestedRole::any},
    };
    for (const auto& [word, role] : cases)
        EXPECT_EQ(requested_role_from(word), role) << word;
}

TEST(RequestedRoleTest, OtherWordsAreNone) {
    for (const std::string word :
         {"", "leade", "leaders", "master", "primary", "replica", "sync ", "leader,sync"})
        EXPECT_EQ(requested_role_from(word), std::nullopt) << word;
}

TEST(RequestedRoleTest, AllNamesCanBeRequested) {
    EXPECT_EQ(requested_role_names(), "leader, sync, async, any");
}

TEST(EligibilityTest, EachRequestedRoleTakesItsRoles) {
    const std::vector<std::pair<RequestedRole, std::set<std::string>>> cases{
        {RequestedRole::leader, {"leader"}},
        {RequestedRole::sync, {"sync_standby"}},
        {RequestedRole::async, {"replica", "quorum_standby"}},
        {RequestedRole::any, {kRoleNames.begin(), kRoleNames.end()}},
    };
    for (const auto& [requested, taken] : cases)
        for (const auto& role : kRoleNames)
            EXPECT_EQ(verdict_of(member_of(role), wanting({requested})),
                      taken.contains(role) ? "yes: " + role : "no: role is " + role);
}

TEST(EligibilityTest, SeveralRequestedRolesTakeWhatAnyOfThemTakes) {
    const auto wanted = wanting({RequestedRole::leader, RequestedRole::async});
    EXPECT_EQ(verdict_of(member_of("leader"), wanted), "yes: leader");
    EXPECT_EQ(verdict_of(member_of("replica"), wanted), "yes: replica");
    EXPECT_EQ(verdict_of(member_of("sync_standby"), wanted), "no: role is sync_standby");
}

TEST(EligibilityTest, NoRequestedRoleTakesNobody) {
    for (const auto& role : kRoleNames)
        EXPECT_EQ(verdict_of(member_of(role), wanting({})), "no: role is " + role);
}

TEST(EligibilityTest, EveryRoleServesInThreeStatesAndInNoOther) {
    const std::vector<std::string> serving{"running", "streaming", "in archive recovery"};
    const std::vector<std::string> not_serving{
        "starting",     "stopping",      "stopped",          "crashed",
        "start failed", "restarting",    "stop failed",      "restart failed",
        "initializing", "initdb failed", "creating replica", "running custom bootstrap script",
        "Running",      "something new"};
    for (const auto& role : kRoleNames) {
        for (const auto& state : serving)
            EXPECT_EQ(verdict_of(member_of(role, state), wanting({RequestedRole::any})),
                      "yes: " + role)
                << state;
        for (const auto& state : not_serving)
            EXPECT_EQ(verdict_of(member_of(role, state), wanting({RequestedRole::any})),
                      "no: state is " + state)
                << role;
    }
}

TEST(EligibilityTest, WhatIsMissingIsNamed) {
    Member no_host = member_of("leader");
    no_host.host.clear();
    const std::vector<std::pair<Member, std::string>> cases{
        {no_host, "no: no address in Patroni's answer"},
        {member_of(""), "no: no role in Patroni's answer"},
        {member_of("witness"), "no: role is witness"},
        {member_of("leader", ""), "no: no state in Patroni's answer"},
        {Member{}, "no: no address in Patroni's answer"},
    };
    for (const auto& [member, verdict] : cases)
        EXPECT_EQ(verdict_of(member, wanting({RequestedRole::any})), verdict);
}

TEST(EligibilityTest, TwoLeadersAreProofForNeither) {
    const auto wanted = wanting({RequestedRole::any});
    const auto snapshot =
        snapshot_of({member_of("leader"), member_of("leader"), member_of("replica")});
    EXPECT_EQ(verdict_of(snapshot, 0, wanted), "no: 2 leaders in Patroni's answer");
    EXPECT_EQ(verdict_of(snapshot, 1, wanted), "no: 2 leaders in Patroni's answer");
    EXPECT_EQ(verdict_of(snapshot, 2, wanted), "yes: replica");
}

TEST(EligibilityTest, AStandbyLeaderBesideALeaderCountsAsSecond) {
    const auto wanted = wanting({RequestedRole::any});
    const auto snapshot = snapshot_of({member_of("leader"), member_of("standby_leader")});
    EXPECT_EQ(verdict_of(snapshot, 0, wanted), "no: 2 leaders in Patroni's answer");
    EXPECT_EQ(verdict_of(snapshot, 1, wanted), "no: 2 leaders in Patroni's answer");
}

TEST(EligibilityTest, ALeaderThatIsDownStillLeavesTheOtherUnproven) {
    const auto snapshot = snapshot_of({member_of("leader", "stopped"), member_of("leader")});
    EXPECT_EQ(verdict_of(snapshot, 1, wanting({RequestedRole::leader})),
              "no: 2 leaders in Patroni's answer");
}

TEST(EligibilityTest, NoLoadBalanceExcludesStandbysAndNeverTheLeader) {
    for (const auto& role : kRoleNames) {
        Member member = member_of(role);
        member.tags = {{"noloadbalance", "true"}};
        const bool leads = role == "leader" || role == "standby_leader";
        EXPECT_EQ(verdict_of(member, wanting({RequestedRole::any})),
                  leads ? "yes: " + role : "no: tagged noloadbalance");
        member.tags = {{"noloadbalance", "false"}, {"nofailover", "true"}};
        EXPECT_EQ(verdict_of(member, wanting({RequestedRole::any})), "yes: " + role);
    }
}

TEST(EligibilityTest, TheLagLimitItselfIsStillAllowed) {
    const auto wanted = wanting({RequestedRole::async}, 16'777'216);
    EXPECT_EQ(verdict_of(replica_with(0), wanted), "yes: replica");
    EXPECT_EQ(verdict_of(replica_with(16'777'216), wanted), "yes: replica");
    EXPECT_EQ(verdict_of(replica_with(16'777'217), wanted),
              "no: lag of 16777217 bytes is over 16777216");
    EXPECT_EQ(verdict_of(replica_with(1), wanting({RequestedRole::async}, 0)),
              "no: lag of 1 bytes is over 0");
}

TEST(EligibilityTest, AnUnknownLagIsOverEveryLimit) {
    EXPECT_EQ(verdict_of(replica_with(std::nullopt), wanting({RequestedRole::async}, ~0ULL)),
              "no: lag is unknown");
}

TEST(EligibilityTest, WithoutALimitNoLagMatters) {
    const auto wanted = wanting({RequestedRole::async});
    EXPECT_EQ(verdict_of(replica_with(std::nullopt), wanted), "yes: replica");
    EXPECT_EQ(verdict_of(replica_with(~0ULL), wanted), "yes: replica");
}

TEST(EligibilityTest, TheLeaderHasNoLagToBeLimited) {
    EXPECT_EQ(verdict_of(member_of("leader"), wanting({RequestedRole::leader}, 0)), "yes: leader");
}

TEST(EligibilityTest, TheFirstHindranceIsTheReason) {
    // Of a member with everything wrong, from the outermost on.
    Member member = member_of("replica", "stopped");
    member.host.clear();
    member.tags = {{"noloadbalance", "true"}};
    auto wanted = wanting({RequestedRole::leader}, 0);
    EXPECT_EQ(verdict_of(member, wanted), "no: no address in Patroni's answer");
    member.host = "127.0.0.11";
    EXPECT_EQ(verdict_of(member, wanted), "no: state is stopped");
    member.state_name = "streaming";
    member.state = State::streaming;
    EXPECT_EQ(verdict_of(member, wanted), "no: role is replica");
    wanted.roles = {RequestedRole::async};
    EXPECT_EQ(verdict_of(member, wanted), "no: tagged noloadbalance");
    member.tags.clear();
    EXPECT_EQ(verdict_of(member, wanted), "no: lag is unknown");
}

}  // namespace
}  // namespace patroni
