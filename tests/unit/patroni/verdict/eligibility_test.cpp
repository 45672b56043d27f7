// What speaks for and against one member in one answer. Expected values from real clusters are in
// captured_answers_test.cpp.

#include "patroni/verdict/eligibility.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace patroni {
namespace {

const std::vector<std::string> kStandbyRoles{"sync_standby", "quorum_standby", "replica"};

Member member_of(const std::string& role, const std::string& state = "running") {
    Member member;
    member.name = "p2";
    member.role_name = role;
    member.role = role_from(role);
    member.state_name = state;
    member.state = state_from(state);
    member.host = "127.0.0.12";
    member.timeline = 5;
    return member;
}

Member replica_with(std::optional<std::uint64_t> lag) {
    Member member = member_of("replica", "streaming");
    member.lag = lag;
    return member;
}

Requirements wanting(std::set<RequestedRole> roles,
                     std::optional<std::uint64_t> max_lag = std::nullopt) {
    Requirements wanted;
    wanted.roles = std::move(roles);
    wanted.max_lag = max_lag;
    return wanted;
}

/// A view in which `leader` leads, on timeline 5. What it says of the members does not matter here.
ClusterView led_by(const std::string& leader) {
    ClusterView view;
    view.snapshot = std::make_shared<const ClusterSnapshot>();
    view.leader.member = leader;
    view.leader.standing = leader.empty() ? Standing::out : Standing::eligible;
    view.leader.reason = leader.empty() ? "Patroni shows no leader" : "leader";
    if (!leader.empty()) {
        view.leader.details = member_of("leader");
        view.leader.details.name = leader;
    }
    return view;
}

std::string name_of(Objection objection) {
    switch (objection) {
        case Objection::none:
            return "yes";
        case Objection::unsuitable:
            return "unsuitable";
        case Objection::noloadbalance:
            return "noloadbalance";
        case Objection::lagging:
            return "lagging";
        case Objection::diverged:
            return "diverged";
        case Objection::leads:
            return "leads";
        case Objection::unproven:
            return "unproven";
    }
    return "?";
}

/// The examination as one text: "yes: replica", "unsuitable: role is replica".
std::string examination_of(const ClusterView& view, const Member& member,
                           const Requirements& wanted) {
    const Examination examination = examine(view, member, wanted);
    return name_of(examination.objection) + ": " + examination.reason;
}

/// p1 leads; `member` is p2.
std::string examination_of(const Member& member, const Requirements& wanted) {
    return examination_of(led_by("p1"), member, wanted);
}

TEST(EligibilityTest, EachRequestedRoleTakesItsRolesInThreeStatesAndInNoOther) {
    const std::vector<std::pair<RequestedRole, std::set<std::string>>> requested_roles{
        {RequestedRole::leader, {}},  // it takes a verdict, not a role: see below
        {RequestedRole::sync, {"sync_standby"}},
        {RequestedRole::quorum, {"quorum_standby"}},
        {RequestedRole::async, {"replica", "quorum_standby"}},
        {RequestedRole::replica, {"replica", "sync_standby", "quorum_standby"}},
        {RequestedRole::standby_leader, {"standby_leader"}},
        {RequestedRole::any, {"replica", "sync_standby", "quorum_standby", "standby_leader"}},
    };
    const std::vector<std::string> serving{"running", "streaming", "in archive recovery"};
    const std::vector<std::string> not_serving{
        "starting",     "stopping",      "stopped",          "crashed",
        "start failed", "restarting",    "stop failed",      "restart failed",
        "initializing", "initdb failed", "creating replica", "running custom bootstrap script",
        "Running",      "something new"};
    for (const auto& [requested, taken] : requested_roles)
        for (const std::string role :
             {"sync_standby", "quorum_standby", "replica", "standby_leader"}) {
            for (const auto& state : serving)
                EXPECT_EQ(examination_of(member_of(role, state), wanting({requested})),
                          taken.contains(role) ? "yes: " + role : "unsuitable: role is " + role)
                    << state;
            for (const auto& state : not_serving)
                EXPECT_EQ(examination_of(member_of(role, state), wanting({requested})),
                          "unsuitable: state is " + state)
                    << role;
        }
}

TEST(EligibilityTest, TheLeaderIsWhoTheEvidenceNamesWhateverItsRoleAndState) {
    for (const std::string role : {"leader", "replica", "sync_standby", "", "standby_leader"})
        for (const std::string state : {"running", "starting", ""}) {
            const Member member = member_of(role, state);
            for (const auto requested : {RequestedRole::leader, RequestedRole::any})
                EXPECT_EQ(examination_of(led_by("p2"), member, wanting({requested})),
                          "yes: leader");
            for (const auto requested :
                 {RequestedRole::sync, RequestedRole::quorum, RequestedRole::async,
                  RequestedRole::replica, RequestedRole::standby_leader})
                EXPECT_EQ(examination_of(led_by("p2"), member, wanting({requested})),
                          "leads: it is the leader");
        }
}

TEST(EligibilityTest, AMemberOnlyShownAsLeaderHasTheReasonWhyItIsNone) {
    auto view = led_by("");
    view.leader.reason = "p2 is shown as leader, but its own API has not answered yet";
    const Member member = member_of("leader");
    for (const auto requested : {RequestedRole::leader, RequestedRole::any})
        EXPECT_EQ(examination_of(view, member, wanting({requested})),
                  "unproven: p2 is shown as leader, but its own API has not answered yet");
    for (const auto requested : {RequestedRole::sync, RequestedRole::async, RequestedRole::quorum,
                                 RequestedRole::replica, RequestedRole::standby_leader})
        EXPECT_EQ(examination_of(view, member, wanting({requested})), "unsuitable: role is leader");
    EXPECT_EQ(examination_of(view, member_of("leader", "stopped"), wanting({RequestedRole::any})),
              "unsuitable: state is stopped");
}

TEST(EligibilityTest, ReplicasServeWithoutALeader) {
    EXPECT_EQ(examination_of(led_by(""), member_of("replica"), wanting({RequestedRole::async})),
              "yes: replica");
}

TEST(EligibilityTest, SeveralRequestedRolesTakeWhatAnyOfThemTakes) {
    const auto wanted = wanting({RequestedRole::leader, RequestedRole::async});
    EXPECT_EQ(examination_of(led_by("p2"), member_of("leader"), wanted), "yes: leader");
    EXPECT_EQ(examination_of(member_of("replica"), wanted), "yes: replica");
    EXPECT_EQ(examination_of(member_of("sync_standby"), wanted),
              "unsuitable: role is sync_standby");
}

TEST(EligibilityTest, NoRequestedRoleTakesNobody) {
    for (const auto& role : kStandbyRoles)
        EXPECT_EQ(examination_of(member_of(role), wanting({})), "unsuitable: role is " + role);
    EXPECT_EQ(examination_of(led_by("p2"), member_of("leader"), wanting({})),
              "leads: it is the leader");
}

TEST(EligibilityTest, WhatIsMissingIsNamed) {
    const std::vector<std::pair<Member, std::string>> cases{
        {member_of(""), "unsuitable: no role in Patroni's answer"},
        {member_of("witness"), "unsuitable: role is witness"},
        {member_of("replica", ""), "unsuitable: no state in Patroni's answer"},
        {Member{}, "unsuitable: no name in Patroni's answer"},
    };
    for (const auto& [member, examination] : cases)
        EXPECT_EQ(examination_of(member, wanting({RequestedRole::any})), examination);
}

TEST(EligibilityTest, WhereAMemberIsIsNoMatterOfItsFitness) {
    Member no_host = member_of("replica");
    no_host.host.clear();
    EXPECT_EQ(examination_of(no_host, wanting({RequestedRole::any})), "yes: replica");
    EXPECT_EQ(examination_of(led_by("p2"), no_host, wanting({RequestedRole::leader})),
              "yes: leader");
}

TEST(EligibilityTest, NoLoadBalanceExcludesReplicasAndNeverALeader) {
    for (const auto& role : kStandbyRoles) {
        Member member = member_of(role);
        for (const auto requested : {RequestedRole::any, RequestedRole::replica}) {
            member.tags = {{"noloadbalance", "true"}};
            EXPECT_EQ(examination_of(member, wanting({requested})),
                      "noloadbalance: tagged noloadbalance");
            member.tags = {{"noloadbalance", "false"}, {"nofailover", "true"}};
            EXPECT_EQ(examination_of(member, wanting({requested})), "yes: " + role);
        }
    }
    Member leader = member_of("leader");
    leader.tags = {{"noloadbalance", "true"}};
    EXPECT_EQ(examination_of(led_by("p2"), leader, wanting({RequestedRole::leader})),
              "yes: leader");
    Member standby_leader = member_of("standby_leader");
    standby_leader.tags = leader.tags;
    EXPECT_EQ(examination_of(standby_leader, wanting({RequestedRole::any})), "yes: standby_leader");
}

TEST(EligibilityTest, AReplicaMustCarryAllTagsWithTheirValues) {
    auto wanted = wanting({RequestedRole::leader, RequestedRole::replica});
    wanted.tags = {{"region", "eu"}, {"ssd", "true"}};
    const std::vector<std::pair<std::map<std::string, std::string>, std::string>> cases{
        {{{"region", "eu"}, {"ssd", "true"}, {"zone", "a"}}, "yes: replica"},
        {{{"region", "eu"}, {"ssd", "false"}}, "unsuitable: not tagged ssd=true"},
        {{{"region", "EU"}, {"ssd", "true"}}, "unsuitable: not tagged region=eu"},
        {{{"ssd", "true"}}, "unsuitable: not tagged region=eu"},
        {{}, "unsuitable: not tagged region=eu"},
    };
    for (const auto& [tags, examination] : cases) {
        Member member = member_of("replica");
        member.tags = tags;
        EXPECT_EQ(examination_of(member, wanted), examination);
    }
    EXPECT_EQ(examination_of(led_by("p2"), member_of("leader"), wanted), "yes: leader");
}

TEST(EligibilityTest, ATagMayHaveTheValueAsItIsWrittenOrAsYamlTakesIt) {
    auto wanted = wanting({RequestedRole::replica});
    wanted.tags.emplace("generation", TagValue{"1.10", "1.1"});
    const auto examination = [&](const std::string& value) {
        Member member = member_of("replica");
        member.tags = {{"generation", value}};
        return examination_of(member, wanted);
    };
    EXPECT_EQ(examination("1.1"), "yes: replica");
    EXPECT_EQ(examination("1.10"), "yes: replica");
    EXPECT_EQ(examination("1.11"), "unsuitable: not tagged generation=1.10");
}

TEST(EligibilityTest, StreamingMayBeDemandedOfAReplica) {
    auto wanted = wanting({RequestedRole::any});
    wanted.streaming = true;
    EXPECT_EQ(examination_of(member_of("replica", "streaming"), wanted), "yes: replica");
    EXPECT_EQ(examination_of(member_of("replica", "running"), wanted),
              "unsuitable: state is running, not streaming");
    EXPECT_EQ(examination_of(member_of("sync_standby", "in archive recovery"), wanted),
              "unsuitable: state is in archive recovery, not streaming");
    EXPECT_EQ(examination_of(led_by("p2"), member_of("leader", "running"), wanted), "yes: leader");
}

TEST(EligibilityTest, AReplicaOnAnotherTimelineThanTheLeadersHasDiverged) {
    Member member = member_of("replica");
    member.timeline = 4;
    const auto wanted = wanting({RequestedRole::any});
    EXPECT_EQ(examination_of(member, wanted), "diverged: on timeline 4, the leader is on 5");
    EXPECT_EQ(examination_of(led_by(""), member, wanted), "yes: replica")
        << "nothing to compare with";
    member.timeline = 6;
    EXPECT_EQ(examination_of(member, wanted), "diverged: on timeline 6, the leader is on 5");
    member.timeline.reset();
    EXPECT_EQ(examination_of(member, wanted), "yes: replica");
    auto view = led_by("p1");
    view.leader.details.timeline.reset();
    member.timeline = 4;
    EXPECT_EQ(examination_of(view, member, wanted), "yes: replica");
}

/// Its entry in /cluster tells the timeline of before its promotion until its Patroni's next loop.
TEST(EligibilityTest, ALeaderMayTellItsTimelineEarlierThanClusterDoes) {
    auto view = led_by("p1");
    view.self_reports["p1"].timeline = 7;
    view.self_reports["p3"].timeline = 9;
    const auto wanted = wanting({RequestedRole::replica});
    const auto examination = [&](std::uint64_t timeline) {
        Member member = member_of("replica");
        member.timeline = timeline;
        return examination_of(view, member, wanted);
    };
    EXPECT_EQ(examination(4), "diverged: on timeline 4, the leader is on 5");
    EXPECT_EQ(examination(5), "yes: replica") << "its own entry may be as late";
    EXPECT_EQ(examination(6), "yes: replica");
    EXPECT_EQ(examination(7), "yes: replica");
    EXPECT_EQ(examination(8), "diverged: on timeline 8, the leader is on 7");
    view.self_reports["p1"].timeline = 0;  // as while its API is silent
    EXPECT_EQ(examination(5), "yes: replica");
    EXPECT_EQ(examination(6), "diverged: on timeline 6, the leader is on 5");
}

TEST(EligibilityTest, TheLagLimitItselfIsStillAllowed) {
    const auto wanted = wanting({RequestedRole::async}, 16'777'216);
    EXPECT_EQ(examination_of(replica_with(0), wanted), "yes: replica");
    EXPECT_EQ(examination_of(replica_with(16'777'216), wanted), "yes: replica");
    EXPECT_EQ(examination_of(replica_with(16'777'217), wanted),
              "lagging: lag of 16777217 bytes is over 16777216");
    EXPECT_EQ(examination_of(replica_with(1), wanting({RequestedRole::async}, 0)),
              "lagging: lag of 1 bytes is over 0");
}

TEST(EligibilityTest, AnUnknownLagIsOverEveryLimit) {
    EXPECT_EQ(examination_of(replica_with(std::nullopt), wanting({RequestedRole::async}, ~0ULL)),
              "lagging: lag is unknown");
}

TEST(EligibilityTest, WithoutALimitNoLagMatters) {
    auto wanted = wanting({RequestedRole::async});
    for (const auto source : {LagSource::automatic, LagSource::cluster, LagSource::live}) {
        wanted.lag_source = source;
        EXPECT_EQ(examination_of(replica_with(std::nullopt), wanted), "yes: replica");
        EXPECT_EQ(examination_of(replica_with(~0ULL), wanted), "yes: replica");
    }
}

TEST(EligibilityTest, LeadersHaveNoLagToBeLimited) {
    EXPECT_EQ(
        examination_of(led_by("p2"), member_of("leader"), wanting({RequestedRole::leader}, 0)),
        "yes: leader");
    EXPECT_EQ(
        examination_of(member_of("standby_leader"), wanting({RequestedRole::standby_leader}, 0)),
        "yes: standby_leader");
}

TEST(EligibilityTest, LiveLagReplacesThatOfCluster) {
    auto wanted = wanting({RequestedRole::async}, 1'000);
    wanted.lag_source = LagSource::live;
    auto view = led_by("p1");
    view.live_lag = {{"p1", 0}};
    EXPECT_EQ(examination_of(view, replica_with(0), wanted), "lagging: lag is unknown");
    view.live_lag = {{"p2", 1'000}};
    EXPECT_EQ(examination_of(view, replica_with(5'000'000), wanted), "yes: replica");
    view.live_lag = {{"p2", 1'001}};
    EXPECT_EQ(examination_of(view, replica_with(0), wanted),
              "lagging: lag of 1001 bytes is over 1000");
    wanted.lag_source = LagSource::cluster;
    EXPECT_EQ(examination_of(view, replica_with(0), wanted), "yes: replica");
}

TEST(EligibilityTest, ByDefaultLagIsLiveWhereClusterTellsNoReplayLag) {
    const auto wanted = wanting({RequestedRole::async}, 1'000);
    auto view = led_by("p1");
    view.live_lag = {{"p2", 1'001}};
    Member member = replica_with(0);
    EXPECT_EQ(examination_of(view, member, wanted), "lagging: lag of 1001 bytes is over 1000");
    member.tells_replay_lag = true;
    EXPECT_EQ(examination_of(view, member, wanted), "yes: replica");
}

TEST(EligibilityTest, PositionsAreWantedWhereTheyDecide) {
    const auto wants = [](LagSource source, std::optional<std::uint64_t> max_lag,
                          const Member& member) {
        auto wanted = wanting({RequestedRole::async}, max_lag);
        wanted.lag_source = source;
        ClusterSnapshot snapshot;
        snapshot.members = {member_of("leader", "running"), member};
        return wants_positions(wanted, snapshot);
    };
    Member tells = replica_with(0);
    tells.tells_replay_lag = true;
    EXPECT_TRUE(wants(LagSource::automatic, 1, replica_with(0)));
    EXPECT_FALSE(wants(LagSource::automatic, std::nullopt, replica_with(0)));
    EXPECT_FALSE(wants(LagSource::automatic, 1, tells));
    EXPECT_FALSE(wants(LagSource::automatic, 1, member_of("replica", "stopped")));
    EXPECT_FALSE(wants(LagSource::cluster, 1, replica_with(0)));
    EXPECT_TRUE(wants(LagSource::live, std::nullopt, tells));
}

TEST(EligibilityTest, WhereTheLeadersPositionIsUnknownThatOfClusterCounts) {
    auto wanted = wanting({RequestedRole::async}, 1'000);
    wanted.lag_source = LagSource::live;
    EXPECT_EQ(examination_of(led_by("p1"), replica_with(1'000), wanted), "yes: replica");
    EXPECT_EQ(examination_of(led_by("p1"), replica_with(1'001), wanted),
              "lagging: lag of 1001 bytes is over 1000");
    EXPECT_EQ(examination_of(led_by("p1"), member_of("replica"), wanted),
              "lagging: lag is unknown");
}

TEST(EligibilityTest, TheFirstHindranceIsTheReason) {
    // Of a member with everything wrong, from the outermost on.
    Member member = member_of("replica", "stopped");
    member.tags = {{"noloadbalance", "true"}};
    member.timeline = 4;
    auto wanted = wanting({RequestedRole::leader}, 0);
    wanted.streaming = true;
    wanted.tags = {{"zone", "a"}};
    EXPECT_EQ(examination_of(member, wanted), "unsuitable: state is stopped");
    member.state_name = "running";
    member.state = State::running;
    EXPECT_EQ(examination_of(member, wanted), "unsuitable: role is replica");
    wanted.roles = {RequestedRole::async};
    EXPECT_EQ(examination_of(member, wanted), "unsuitable: state is running, not streaming");
    member.state_name = "streaming";
    member.state = State::streaming;
    EXPECT_EQ(examination_of(member, wanted), "noloadbalance: tagged noloadbalance");
    member.tags.clear();
    EXPECT_EQ(examination_of(member, wanted), "unsuitable: not tagged zone=a");
    member.tags = {{"zone", "a"}};
    EXPECT_EQ(examination_of(member, wanted), "diverged: on timeline 4, the leader is on 5");
    member.timeline = 5;
    EXPECT_EQ(examination_of(member, wanted), "lagging: lag is unknown");
}

}  // namespace
}  // namespace patroni
