// What else follows from the observations: what to ask next, and what the view says.

#include <initializer_list>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evidence_case.h"
#include "patroni/verdict/eligibility.h"
#include "patroni/verdict/evidence.h"

namespace patroni::evidence_tests {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(EvidenceTest, IsSettledWhileNobodyDoubtsTheLeader) {
    Case c;
    EXPECT_FALSE(c.evidence.is_settled());
    c.cluster("p1");
    EXPECT_FALSE(c.evidence.is_settled()) << "its own API is silent";
    c.proves("p1");
    EXPECT_TRUE(c.evidence.is_settled());
    c.after(1s).silent("p1");
    EXPECT_FALSE(c.evidence.is_settled());
    c.proves("p1").answers("p1", 503, "replica");
    EXPECT_FALSE(c.evidence.is_settled());
    c.proves("p1");
    EXPECT_TRUE(c.evidence.is_settled());
    c.after(1s).cluster("");
    EXPECT_FALSE(c.evidence.is_settled()) << "no leader in the answer";
    c.cluster("p2");
    EXPECT_FALSE(c.evidence.is_settled()) << "another one";
    c.proves("p2", 2);
    EXPECT_TRUE(c.evidence.is_settled());
}

/// After a switchover p3 follows p2 already, whose entry in /cluster is late.
TEST(EvidenceTest, WhoFollowsTheNewLeaderHasNotDiverged) {
    auto snapshot = led_by("p2");
    snapshot.members[2] = member("p3", "replica", 2);
    Case c;
    c.cluster("p1").proves("p1").after(1s).cluster(snapshot).proves("p2", 2);
    expect_leader(c, "p2", Standing::eligible);
    const auto examination = [&] {
        return examine(c.evidence.view(), snapshot.members[2], {.roles = {RequestedRole::replica}});
    };
    EXPECT_EQ(examination().reason, "replica");
    EXPECT_EQ(c.leader().details.timeline, 1U);
    c.after(1s).proves("p2", 1);
    EXPECT_EQ(examination().reason, "on timeline 2, the leader is on 1");
}

TEST(EvidenceTest, IsSettledInAStandbyCluster) {
    auto snapshot = led_by("");
    snapshot.members[0] = member("p1", "standby_leader");
    Case c;
    c.cluster(snapshot);
    EXPECT_TRUE(c.evidence.is_settled());
    snapshot.members[0].state = State::not_running;
    c.after(1s).cluster(snapshot);
    EXPECT_FALSE(c.evidence.is_settled());
}

TEST(EvidenceTest, TheCandidateHoldsTheLockAndIsNotPromotedYet) {
    Case c;
    EXPECT_EQ(c.evidence.candidate(), "");
    c.cluster("p1").proves("p1");
    EXPECT_EQ(c.evidence.candidate(), "");
    c.after(1s).cluster("p2");
    EXPECT_EQ(c.evidence.candidate(), "") << "it has not said anything of itself";
    c.answers("p2", 503, "replica");
    EXPECT_EQ(c.evidence.candidate(), "p2");
    c.silent("p2");
    EXPECT_EQ(c.evidence.candidate(), "") << "asking it more often would not help";
    c.answers("p2", 503, "replica").proves("p2", 2);
    EXPECT_EQ(c.evidence.candidate(), "");
    EXPECT_EQ(c.evidence.view().leader.member, "p2");
}

TEST(EvidenceTest, ClusterWithoutARunningLeaderIsLeaderless) {
    Case c;
    EXPECT_FALSE(c.evidence.is_leaderless()) << "nothing is known";
    c.cluster("p1");
    EXPECT_FALSE(c.evidence.is_leaderless());
    c.cluster("");
    EXPECT_TRUE(c.evidence.is_leaderless());
    c.cluster("p2");
    EXPECT_FALSE(c.evidence.is_leaderless()) << "though it has not proven itself";
}

TEST(EvidenceTest, LeaderIsConfirmedByItselfAndByCluster) {
    Case c;
    c.cluster("p1").proves("p1");
    EXPECT_EQ(c.unconfirmed(), 0ms);
    c.after(1s).proves("p1");
    EXPECT_EQ(c.unconfirmed(), 0ms);
    c.after(1s).cluster("p1");
    EXPECT_EQ(c.unconfirmed(), 0ms);
    // It cannot be reached, but the others still name it.
    c.after(1s).silent("p1");
    EXPECT_EQ(c.unconfirmed(), 1s);
    c.cluster("p1");
    EXPECT_EQ(c.unconfirmed(), 0ms);
}

TEST(EvidenceTest, OnlyAnswersInFavourOfTheLeaderConfirmIt) {
    Case c;
    c.cluster("p1").proves("p1").after(1s).silent("p1");
    c.answers("p2", 503, "replica").position("p1", 1).observe(Push{});
    c.observe(TrafficTrouble{});
    EXPECT_EQ(c.unconfirmed(), 1s);
    c.cluster("");
    expect_leader(c, "p1", Standing::tolerated);
    EXPECT_EQ(c.unconfirmed(), 1s);
    c.answers("p1", 503, "replica");
    EXPECT_EQ(c.leader().member, "");
    EXPECT_EQ(c.leader().confirmed_at, Clock::time_point{});
}

TEST(EvidenceTest, ANewLeaderIsConfirmedWhenItIsBelieved) {
    Case c;
    c.cluster("p1").proves("p1").after(20s).cluster("p2").proves("p2", 2);
    expect_leader(c, "p2", Standing::eligible);
    EXPECT_EQ(c.unconfirmed(), 0ms);
    c.after(7s).silent("p2");
    EXPECT_EQ(c.unconfirmed(), 7s);
}

TEST(EvidenceTest, AMissingLeaderHasAReason) {
    Case c;
    c.cluster("");
    EXPECT_EQ(c.leader().reason, "Patroni shows no leader");
    c.cluster("p1").answers("p1", 200, "replica");
    EXPECT_EQ(c.leader().reason,
              "p1 is shown as leader, but its API answers 200, role replica, state running");
}

TEST(EvidenceTest, AChangeIsConfirmedByAnAnswerThatIsLateEnough) {
    Case c;
    c.cluster("p1").proves("p1");
    ClusterSnapshot changed = led_by("p1");
    changed.members.pop_back();
    c.after(3s).cluster(changed).proves("p1");
    EXPECT_TRUE(c.evidence.wants_confirmation());
    c.after(Evidence::kConfirmAfter - 1ms).cluster(changed).proves("p1");
    EXPECT_TRUE(c.evidence.wants_confirmation());
    c.after(1ms).cluster(changed).proves("p1");
    EXPECT_FALSE(c.evidence.wants_confirmation());
}

TEST(EvidenceTest, ANamedLeaderWithoutAProofIsAskedAgainSoon) {
    Case c;
    c.cluster("p1");
    EXPECT_TRUE(c.evidence.wants_confirmation());
    c.answers("p1", 200, "replica");
    EXPECT_TRUE(c.evidence.wants_confirmation());
    c.proves("p1");
    EXPECT_FALSE(c.evidence.wants_confirmation());
    // With nobody to ask, the next poll is soon enough.
    Case vacant;
    vacant.cluster("");
    EXPECT_FALSE(vacant.evidence.wants_confirmation());
}

TEST(EvidenceTest, LiveLagIsTheLeadersPositionLessTheReplicas) {
    Case c;
    c.cluster("p1").proves("p1");
    c.evidence.observe({Clock::time_point{1h}, PositionAnswer{"p1", 1000}});
    c.evidence.observe({Clock::time_point{1h}, PositionAnswer{"p2", 400}});
    c.evidence.observe({Clock::time_point{1h}, PositionAnswer{"p3", 1100}});
    EXPECT_THAT(
        c.evidence.view().live_lag,
        ElementsAre(testing::Pair("p1", 0), testing::Pair("p2", 600), testing::Pair("p3", 0)));
}

TEST(EvidenceTest, PositionsOfMembersThatAreGoneAreForgotten) {
    Case c;
    c.cluster("p1").proves("p1");
    c.evidence.observe({Clock::time_point{1h}, PositionAnswer{"p1", 1000}});
    c.evidence.observe({Clock::time_point{1h}, PositionAnswer{"gone", 400}});
    EXPECT_THAT(c.evidence.view().live_lag, ElementsAre(testing::Pair("p1", 0)));
}

TEST(EvidenceTest, APositionThatIsNotRenewedIsUnknown) {
    Case c;
    c.cluster("p1").proves("p1").position("p1", 1000).position("p2", 400);
    c.position("p2", std::nullopt);
    EXPECT_THAT(c.evidence.view().live_lag, ElementsAre(testing::Pair("p1", 0)));
    // Without the leader's there is nothing to compare with: it must not age into a lag of zero.
    c.position("p2", 400).position("p1", std::nullopt);
    EXPECT_THAT(c.evidence.view().live_lag, testing::IsEmpty());
}

TEST(EvidenceTest, APushAndTroubleOnlyAskForAnotherPoll) {
    for (const auto& doubt :
         std::initializer_list<decltype(Observation::claim)>{Push{}, TrafficTrouble{}}) {
        Case c;
        c.cluster("p1").proves("p1");
        EXPECT_FALSE(c.evidence.wants_confirmation());
        c.after(1s).observe(doubt);
        EXPECT_TRUE(c.evidence.wants_confirmation());
        expect_leader(c, "p1", Standing::eligible);
        // An answer at once may be older than what is happening: one more is asked for.
        c.after(10ms).cluster("p1").proves("p1");
        EXPECT_TRUE(c.evidence.wants_confirmation());
        c.after(Evidence::kConfirmAfter).cluster("p1").proves("p1");
        EXPECT_FALSE(c.evidence.wants_confirmation());
        expect_leader(c, "p1", Standing::eligible);
    }
}

TEST(EvidenceTest, OnlyTheLeadersLastContactWithTheStoreIsKept) {
    Case c;
    c.cluster("p1").observe(PrimaryAnswer{"p1", 200, "primary", "running", 1, false, 1000});
    EXPECT_THAT(c.evidence.view().dcs_last_seen, ElementsAre(testing::Pair("p1", 1000)));
    c.cluster("p2").observe(PrimaryAnswer{"p1", 503, "replica", "running", 1, false, 1001});
    c.observe(PrimaryAnswer{"p2", 200, "primary", "running", 2, false, 1002});
    EXPECT_THAT(c.evidence.view().dcs_last_seen, ElementsAre(testing::Pair("p2", 1002)));
}

}  // namespace
}  // namespace patroni::evidence_tests
