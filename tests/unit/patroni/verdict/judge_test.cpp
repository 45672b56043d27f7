// One verdict a member over time: what one answer says, and how patient one is with it.

#include "patroni/verdict/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace std::chrono_literals;
using patroni::ClusterSnapshot;
using patroni::ClusterView;
using patroni::Judge;
using patroni::Member;
using patroni::OnIneligible;
using patroni::RequestedRole;
using patroni::Requirements;
using patroni::Standing;
using patroni::Verdict;
using testing::HasSubstr;

namespace {

Member replica(const std::string& name) {
    Member member;
    member.name = name;
    member.role = patroni::Role::replica;
    member.role_name = "replica";
    member.state = patroni::State::streaming;
    member.state_name = "streaming";
    member.host = "127.0.0.1";
    member.port = 5432;
    member.timeline = 2;
    member.lag = 0;
    return member;
}

/// A leader p1 and a replica p2, judged for replicas, with a hand on the clock and on p2.
class ReplicaCase {
  public:
    explicit ReplicaCase(Requirements wanted = {.roles = {RequestedRole::async}}) : judge(wanted) {
        leader.role = patroni::Role::leader;
        leader.role_name = "leader";
        leader.state = patroni::State::running;
        next(0ms);
    }

    /// The verdict on p2 after the next answer.
    const Verdict& next(std::chrono::milliseconds later) {
        now += later;
        ClusterView view;
        auto snapshot = std::make_shared<ClusterSnapshot>();
        snapshot->members.push_back(leader);
        snapshot->nameless = nameless;
        if (present)
            snapshot->members.push_back(p2);
        view.snapshot = snapshot;
        view.answered_at = now;
        view.leader = {leads, Standing::eligible, "leader", leads == "p1" ? leader : p2};
        view.live_lag = live_lag;
        verdict = Verdict{};
        verdict.reason = "not judged";
        for (const auto& each : judge.judge(view))
            if (each.member->name == "p2")
                verdict = each;
        return verdict;
    }
    Standing standing_after(std::chrono::milliseconds later) { return next(later).standing; }

    Judge judge;
    Member leader = replica("p1");
    Member p2 = replica("p2");
    bool present = true;
    std::size_t nameless = 0;
    std::string leads = "p1";
    std::map<std::string, std::uint64_t> live_lag;
    Verdict verdict;
    patroni::Clock::time_point now{1h};
};

TEST(Judge, ContraryAnswerStopsNewSessionsAndTheSecondEndsThem) {
    const std::vector<std::pair<const char*, std::function<void(ReplicaCase&)>>> changes{
        {"no longer in Patroni's answer", [](ReplicaCase& c) { c.present = false; }},
        {"state is stopped",
         [](ReplicaCase& c) {
             c.p2.state = patroni::State::not_running;
             c.p2.state_name = "stopped";
         }},
        {"role is sync_standby",
         [](ReplicaCase& c) {
             c.p2.role = patroni::Role::sync_standby;
             c.p2.role_name = "sync_standby";
         }},
        {"role is leader",
         [](ReplicaCase& c) {
             c.p2.role = patroni::Role::leader;
             c.p2.role_name = "leader";
         }},
        {"tagged noloadbalance", [](ReplicaCase& c) { c.p2.tags["noloadbalance"] = "true"; }},
    };
    for (const auto& [reason, change] : changes) {
        ReplicaCase c;
        EXPECT_EQ(c.verdict.standing, Standing::eligible);
        change(c);
        EXPECT_EQ(c.standing_after(3s), Standing::tolerated) << reason;
        EXPECT_THAT(c.verdict.reason, HasSubstr(reason));
        EXPECT_EQ(c.standing_after(499ms), Standing::tolerated) << reason;
        c.next(1ms);
        // A member that vanished for good is not mentioned any more afterwards.
        EXPECT_EQ(c.verdict.standing, Standing::out) << reason;
        EXPECT_EQ(c.standing_after(3s), Standing::out) << reason;
    }
}

TEST(Judge, MemberThatIsBackInTheNextAnswerHasLostNothing) {
    ReplicaCase c;
    c.present = false;
    EXPECT_EQ(c.standing_after(3s), Standing::tolerated);
    c.present = true;
    EXPECT_EQ(c.standing_after(500ms), Standing::eligible);
    c.present = false;
    EXPECT_EQ(c.standing_after(10s), Standing::tolerated);
}

// What is kept of an answer of before is no second answer.
TEST(Judge, AnEntryFromMemoryEndsNoSessions) {
    ReplicaCase c;
    c.p2.state = patroni::State::not_running;
    c.p2.state_name = "stopped";
    EXPECT_EQ(c.standing_after(3s), Standing::tolerated);
    c.p2.remembered = true;
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(c.standing_after(3s), Standing::tolerated) << i;
    c.p2.remembered = false;
    EXPECT_EQ(c.standing_after(3s), Standing::out);
}

TEST(Judge, AnEntryWithoutANameMayBeThatOfAMemberThatIsGone) {
    ReplicaCase c;
    c.present = false;
    EXPECT_EQ(c.standing_after(3s), Standing::tolerated);
    c.nameless = 1;
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(c.standing_after(3s), Standing::tolerated) << i;
    c.nameless = 0;
    EXPECT_EQ(c.standing_after(3s), Standing::out);
}

TEST(Judge, RemovalGraceKeepsSessionsLonger) {
    ReplicaCase c({.roles = {RequestedRole::async}, .removal_grace = 5s});
    c.present = false;
    EXPECT_EQ(c.standing_after(1s), Standing::tolerated);
    EXPECT_EQ(c.standing_after(5s), Standing::tolerated);
    EXPECT_EQ(c.standing_after(500ms), Standing::out);
}

TEST(Judge, ProvenLeaderLeavesTheReplicasAtOnce) {
    ReplicaCase c;
    c.leads = "p2";
    c.p2.role = patroni::Role::leader;
    c.p2.role_name = "leader";
    EXPECT_EQ(c.standing_after(3s), Standing::out);
    EXPECT_EQ(c.verdict.reason, "it is the leader");
}

// As in maintenance mode, where the lock may run out: its self-report is one source.
TEST(Judge, LeaderThatClusterShowsAsReplicaKeepsTheSessionsItHadAsOne) {
    ReplicaCase c;
    c.leads = "p2";
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(c.standing_after(3s), Standing::tolerated) << i;
        EXPECT_EQ(c.verdict.reason, "it is the leader");
    }
    c.p2.role = patroni::Role::leader;
    c.p2.role_name = "leader";
    EXPECT_EQ(c.standing_after(3s), Standing::out);
}

TEST(Judge, FormerLeaderIsOutAtOnceOnceTheEvidenceSaysSo) {
    ReplicaCase c({.roles = {RequestedRole::leader}});
    c.leads = "p2";
    EXPECT_EQ(c.standing_after(0ms), Standing::eligible);
    c.leads = "p1";
    EXPECT_EQ(c.standing_after(1ms), Standing::out);
    EXPECT_EQ(c.verdict.reason, "role is replica");
}

TEST(Judge, LagOfAMomentNeitherEndsNorStopsSessions) {
    ReplicaCase c({.roles = {RequestedRole::async}, .max_lag = 1'000'000});
    // Every healthy replica, tens of megabytes behind for a moment in each of Patroni's loops.
    for (int loop = 0; loop < 20; ++loop) {
        c.p2.lag = 20'000'000;
        EXPECT_EQ(c.standing_after(3s), Standing::eligible) << loop;
        c.p2.lag = 0;
        EXPECT_EQ(c.standing_after(3s), Standing::eligible) << loop;
    }
}

TEST(Judge, LagThatLastsStopsNewSessionsThenEndsThemAndComesBackLate) {
    ReplicaCase c({.roles = {RequestedRole::async}, .max_lag = 1'000'000, .lag_window = 10s});
    c.p2.lag = 2'000'000;
    EXPECT_EQ(c.standing_after(3s), Standing::eligible);
    EXPECT_EQ(c.standing_after(3s), Standing::tolerated);
    EXPECT_EQ(c.verdict.reason, "lag of 2000000 bytes is over 1000000");
    EXPECT_EQ(c.standing_after(6s), Standing::tolerated);
    EXPECT_EQ(c.standing_after(1s), Standing::out);
    c.p2.lag = 0;
    EXPECT_EQ(c.standing_after(3s), Standing::out);
    EXPECT_THAT(c.verdict.reason, HasSubstr("not yet for long enough"));
    c.p2.lag = 2'000'000;
    EXPECT_EQ(c.standing_after(3s), Standing::out);
    c.p2.lag = 0;
    EXPECT_EQ(c.standing_after(3s), Standing::out);
    EXPECT_EQ(c.standing_after(9s), Standing::out);
    EXPECT_EQ(c.standing_after(1s), Standing::eligible);
}

TEST(Judge, AnotherProcessGoesOnWithItsPatience) {
    const Requirements wanted{
        .roles = {RequestedRole::async}, .max_lag = 1'000'000, .lag_window = 10s};
    ReplicaCase before(wanted);
    before.p2.lag = 2'000'000;
    for (const auto later : {3s, 3s, 6s, 1s})
        before.next(later);
    before.p2.lag = 0;
    EXPECT_EQ(before.standing_after(3s), Standing::out);
    ReplicaCase after(wanted);
    EXPECT_EQ(after.standing_after(1s), Standing::eligible);
    after.judge.go_on_with(before.judge.records());
    after.now = before.now;
    EXPECT_EQ(after.standing_after(1s), Standing::out);
    EXPECT_THAT(after.verdict.reason, HasSubstr("not yet for long enough"));
    EXPECT_EQ(after.standing_after(10s), Standing::eligible);
}

TEST(Judge, UnknownLagIsOverAnyLimit) {
    ReplicaCase c({.roles = {RequestedRole::async}, .max_lag = 1'000'000, .lag_window = 1s});
    c.p2.lag.reset();
    c.next(3s);
    EXPECT_EQ(c.standing_after(1s), Standing::out);
    EXPECT_EQ(c.verdict.reason, "lag is unknown");
}

TEST(Judge, DrainKeepsTheSessionsOfALaggingReplica) {
    ReplicaCase c({.roles = {RequestedRole::async},
                   .max_lag = 1'000'000,
                   .on_lag = OnIneligible::drain,
                   .lag_window = 1s});
    c.p2.lag = 2'000'000;
    c.next(3s);
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(c.standing_after(10s), Standing::tolerated);
}

TEST(Judge, DrainKeepsTheSessionsOfAMemberTaggedNoloadbalance) {
    ReplicaCase c({.roles = {RequestedRole::async}, .on_noloadbalance = OnIneligible::drain});
    c.p2.tags["noloadbalance"] = "true";
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(c.standing_after(10s), Standing::tolerated);
}

TEST(Judge, AnOldTimelineForOneLoopAfterAFailoverCutsNobody) {
    ReplicaCase c;
    c.leader.timeline = 3;
    EXPECT_EQ(c.standing_after(3s), Standing::eligible);
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(c.standing_after(3s), Standing::eligible);
    c.p2.timeline = 3;
    EXPECT_EQ(c.standing_after(3s), Standing::eligible);
}

/// The leader's API is silent, and its entry is late.
TEST(Judge, ANewTimelineBeforeTheLeadersEntryTellsItCutsNobody) {
    ReplicaCase c;
    c.p2.timeline = 3;
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(c.standing_after(3s), Standing::eligible);
    EXPECT_THAT(c.verdict.reason, HasSubstr("on timeline 3, the leader is on 2"));
    c.leader.timeline = 3;
    EXPECT_EQ(c.standing_after(3s), Standing::eligible);
    EXPECT_EQ(c.verdict.reason, "replica");
}

TEST(Judge, ReplicaThatStaysOnTheOldTimelineIsOut) {
    ReplicaCase c;
    c.leader.timeline = 3;
    c.next(3s);
    EXPECT_EQ(c.standing_after(29'999ms), Standing::eligible);
    EXPECT_EQ(c.standing_after(1ms), Standing::out);
    EXPECT_EQ(c.verdict.reason, "on timeline 2, the leader is on 3");
}

/// Somebody has promoted it by hand, and then made it a standby again without pg_rewind.
TEST(Judge, ReplicaThatStaysOnANewerTimelineIsOut) {
    ReplicaCase c;
    c.p2.timeline = 3;
    c.next(3s);
    EXPECT_EQ(c.standing_after(29'999ms), Standing::eligible);
    EXPECT_EQ(c.standing_after(1ms), Standing::out);
    EXPECT_EQ(c.verdict.reason, "on timeline 3, the leader is on 2");
    EXPECT_EQ(c.standing_after(1h), Standing::out);
}

TEST(Judge, PatienceWithOneThingIsNotUsedUpByAnother) {
    const std::vector<std::pair<const char*, std::function<void(ReplicaCase&)>>> earlier{
        {"lag", [](ReplicaCase& c) { c.p2.lag = 2'000'000; }},
        {"timeline", [](ReplicaCase& c) { c.leader.timeline = 3; }},
        {"tag", [](ReplicaCase& c) { c.p2.tags["noloadbalance"] = "true"; }},
    };
    for (const auto& [what, change] : earlier) {
        ReplicaCase c({.roles = {RequestedRole::async}, .max_lag = 1'000'000});
        change(c);
        c.next(3s);
        c.p2.state = patroni::State::not_running;
        EXPECT_EQ(c.standing_after(3s), Standing::tolerated) << what;
        EXPECT_EQ(c.standing_after(499ms), Standing::tolerated) << what;
        EXPECT_EQ(c.standing_after(1ms), Standing::out) << what;
    }
}

TEST(Judge, WhatComesAfterAnotherObjectionGetsNoNewSessions) {
    ReplicaCase c({.roles = {RequestedRole::async}, .max_lag = 1'000'000, .removal_grace = 10s});
    c.p2.state = patroni::State::not_running;
    c.next(3s);
    c.p2.state = patroni::State::streaming;
    c.p2.lag.reset();  // as for a moment after a restart
    EXPECT_EQ(c.standing_after(3s), Standing::tolerated);
}

// A port that takes it either way: its API may be silent for as long as it likes.
TEST(Judge, MemberThatIsPromotedKeepsItsSessionsWhereLeadersServeToo) {
    ReplicaCase c({.roles = {RequestedRole::any}});
    c.p2.role = patroni::Role::leader;
    c.leads = "";
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(c.standing_after(3s), Standing::tolerated) << i;
    c.leads = "p2";
    EXPECT_EQ(c.standing_after(3s), Standing::eligible);
}

TEST(Judge, NewcomerGetsNoPatience) {
    Judge judge({.roles = {RequestedRole::async}, .max_lag = 1'000});
    ClusterView view;
    auto snapshot = std::make_shared<ClusterSnapshot>();
    auto lagging = replica("p1");
    lagging.lag = 2'000;
    auto diverged = replica("p2");
    diverged.timeline = 1;
    auto ahead = replica("p4");
    ahead.timeline = 3;
    snapshot->members = {lagging, diverged, replica("p3"), ahead};
    view.snapshot = snapshot;
    view.leader = {"p0", Standing::eligible, "leader", replica("p0")};
    const auto verdicts = judge.judge(view);
    ASSERT_EQ(verdicts.size(), 4U);
    EXPECT_EQ(verdicts[0].standing, Standing::out);
    EXPECT_EQ(verdicts[1].standing, Standing::out);
    EXPECT_EQ(verdicts[2].standing, Standing::eligible);
    EXPECT_EQ(verdicts[3].standing, Standing::out);
}

TEST(Judge, MemberWithoutANameServesNobody) {
    for (const auto role : {RequestedRole::async, RequestedRole::leader, RequestedRole::any}) {
        Judge judge({.roles = {role}});
        ClusterView view;
        auto snapshot = std::make_shared<ClusterSnapshot>();
        snapshot->members = {replica("")};
        view.snapshot = snapshot;
        view.leader = {"p0", Standing::eligible, "leader", replica("p0")};
        const auto verdicts = judge.judge(view);
        ASSERT_EQ(verdicts.size(), 1U);
        EXPECT_EQ(verdicts[0].standing, Standing::out);
        EXPECT_EQ(verdicts[0].reason, "no name in Patroni's answer");
    }
}

TEST(Judge, LiveLagGoesByTheMembersOwnPositions) {
    ReplicaCase c({.roles = {RequestedRole::async},
                   .max_lag = 1'000,
                   .lag_source = patroni::LagSource::live,
                   .lag_window = 500ms});
    c.live_lag = {{"p2", 10}};
    c.p2.lag = 5'000'000;  // what /cluster says does not matter
    EXPECT_EQ(c.standing_after(3s), Standing::eligible);
    c.live_lag = {{"p2", 2'000}};
    c.p2.lag = 0;
    c.next(500ms);
    EXPECT_EQ(c.standing_after(500ms), Standing::out);
}

}  // namespace
