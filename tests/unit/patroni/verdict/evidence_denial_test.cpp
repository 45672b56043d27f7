// What ends a leadership, and what does not.

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evidence_case.h"
#include "patroni/verdict/evidence.h"

namespace patroni::evidence_tests {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(EvidenceTest, SilenceKeepsTheVerdict) {
    Case c;
    c.cluster("p1").proves("p1");
    for (int i = 0; i < 10; ++i)
        c.after(3s).silent("p1");
    expect_leader(c, "p1", Standing::eligible);
}

TEST(EvidenceTest, OneContraryAnswerStopsNewSessionsAndASecondEndsIt) {
    Case c;
    c.cluster("p1").proves("p1");
    c.after(3s).answers("p1", 503, "replica");
    expect_leader(c, "p1", Standing::tolerated);
    EXPECT_TRUE(c.evidence.wants_confirmation());
    c.after(400ms).answers("p1", 503, "replica");
    expect_leader(c, "p1", Standing::tolerated);
    c.after(100ms).answers("p1", 503, "replica");
    EXPECT_EQ(c.leader().member, "");
    EXPECT_THAT(c.leader().reason, HasSubstr("503, role replica"));
}

TEST(EvidenceTest, OneVanishedAnswerDoesNotEndIt) {
    Case c;
    c.cluster("p1").proves("p1");
    c.after(3s).cluster(ClusterSnapshot{});
    expect_leader(c, "p1", Standing::tolerated);
    c.proves("p1");
    expect_leader(c, "p1", Standing::eligible);
    c.after(3s).cluster("p1");
    expect_leader(c, "p1", Standing::eligible);
}

TEST(EvidenceTest, BothSourcesTogetherEndItAtOnce) {
    Case c;
    c.cluster("p1").proves("p1");
    c.after(3s).cluster("").answers("p1", 503, "replica");
    EXPECT_EQ(c.leader().member, "");
}

TEST(EvidenceTest, PatroniKilledAloneIsNoticedWhenItsKeyExpires) {
    Case c;
    c.cluster("p1").proves("p1");
    // PostgreSQL goes on taking writes, and the key is still there.
    for (int i = 0; i < 6; ++i) {
        c.after(3s).cluster("p1").silent("p1");
        expect_leader(c, "p1", Standing::eligible);
    }
    c.after(3s).cluster("").silent("p1");
    expect_leader(c, "p1", Standing::tolerated);
    c.after(500ms).cluster("").silent("p1");
    EXPECT_EQ(c.leader().member, "");
}

TEST(EvidenceTest, WhatCondemnsALeaderVoidsItsOlderProof) {
    Case c;
    c.cluster("p1").proves("p1").after(3s).cluster("p2").answers("p2", 503, "replica");
    for (int i = 0; i < 10; ++i) {
        c.after(200ms).cluster("p2").answers("p2", 503, "replica");
        EXPECT_NE(c.leader().standing, Standing::eligible) << i << ": " << c.leader().reason;
    }
    EXPECT_EQ(c.leader().member, "");
    EXPECT_EQ(c.proves("p1").leader().member, "p1");  // its word of now
}

TEST(EvidenceTest, WhatCondemnsALeaderVoidsAProofThatWasAskedForBefore) {
    // p1 answers a request of before the switchover only now: its API or the network is slow.
    for (const std::string named : {"p2", "", "p1"}) {
        Case c;
        c.cluster("p1").proves("p1").after(3s).cluster("p2").after(600ms).cluster("p2");
        ASSERT_EQ(c.leader().member, "");
        if (named != "p2")
            c.after(200ms).cluster(named);  // by a Patroni that is cut off from the store
        c.after(200ms).proves_late("p1", 2s);
        EXPECT_EQ(c.leader().member, "") << named;
        EXPECT_EQ(c.after(200ms).proves_late("p1", 100ms).leader().member, "p1") << named;
    }
}

TEST(EvidenceTest, AProofRefutesOnlyWhatClusterSaidBeforeItWasAskedFor) {
    Case c;
    c.cluster("p1").proves("p1").after(3s).cluster("p2").after(200ms).proves_late("p1", 1s);
    expect_leader(c, "p1", Standing::tolerated);
    c.after(300ms).cluster("p2");
    EXPECT_EQ(c.leader().member, "");
}

TEST(EvidenceTest, ALeaderThatProvesItselfSlowlyStaysInALastingContradiction) {
    Case c;
    c.cluster("p1").proves("p1").after(1s).cluster("p2").silent("p2");
    for (int i = 0; i < 50; ++i) {
        c.after(200ms).cluster("p2").silent("p2").after(100ms).proves_late("p1", 300ms);
        expect_leader(c, "p1", Standing::eligible);
        c.after(100ms).cluster("p2").silent("p2");
        expect_leader(c, "p1", Standing::eligible);
    }
}

TEST(EvidenceTest, ANewLeaderVoidsTheOldLeadersProof) {
    Case c;
    c.cluster("p1").proves("p1");
    c.after(2s).cluster("p2").proves("p2");
    expect_leader(c, "p2", Standing::eligible);
    c.after(200ms).cluster("p1");  // by a Patroni that is cut off from the store
    expect_leader(c, "p2", Standing::tolerated);
}

TEST(EvidenceTest, AProofThatIsOlderThanWhatClusterSaysMakesNoLeader) {
    Case c;
    c.cluster("p1").proves("p1").cluster("p2").proves("p1").after(1ms);
    c.observe(PrimaryAnswer{"p3", 200, "primary", "running", 1, false});  // a rival: not believed
    EXPECT_EQ(c.leader().member, "p1");
    c.after(1s).cluster("p2").answers("p1", 503, "replica").after(500ms);
    c.cluster("p2").answers("p1", 503, "replica");
    EXPECT_EQ(c.leader().member, "") << c.leader().reason;
}

TEST(EvidenceTest, InALastingContradictionTheProofWins) {
    Case c;
    c.cluster("p1").proves("p1").after(1s).cluster("p2");
    EXPECT_EQ(c.leader().standing, Standing::tolerated);  // one answer stops new sessions
    c.silent("p2").proves("p1");
    std::set<std::string> reasons;
    for (int i = 0; i < 50; ++i) {
        c.after(200ms).cluster("p2").silent("p2");
        EXPECT_EQ(c.leader().member, "p1");
        EXPECT_EQ(c.leader().standing, Standing::eligible);
        reasons.insert(c.leader().reason);
        EXPECT_THAT(c.evidence.view().warnings, ElementsAre(HasSubstr("Patroni shows p2")));
        c.proves("p1");
        reasons.insert(c.leader().reason);
    }
    EXPECT_EQ(reasons.size(), 1U);  // one line in the log
    EXPECT_TRUE(c.evidence.wants_other_host());
    // Its word is worth as much as it is fresh.
    c.after(200ms).cluster("p2").after(500ms).cluster("p2");
    EXPECT_NE(c.leader().member, "p1");
}

TEST(EvidenceTest, AContradictionThatIsOverLeavesNoWarning) {
    Case c;
    c.cluster("p1").proves("p1").cluster("p2").proves("p1").cluster("p1");
    EXPECT_EQ(c.leader().reason, "leader");
    EXPECT_THAT(c.evidence.view().warnings, IsEmpty());
    EXPECT_FALSE(c.evidence.wants_other_host());
}

TEST(EvidenceTest, ALeaderThatDeniesItselfIsAReasonToAskAnotherHost) {
    Case c;
    EXPECT_FALSE(c.cluster("p1").proves("p1").evidence.wants_other_host());
    EXPECT_TRUE(c.answers("p1", 503, "replica").evidence.wants_other_host());
}

TEST(EvidenceTest, SilenceDoesNotTakeBackADenial) {
    Case c;
    c.cluster("p1").proves("p1");
    c.after(1s).answers("p1", 503, "replica", "stopped");
    expect_leader(c, "p1", Standing::tolerated);
    c.after(50ms).silent("p1");
    expect_leader(c, "p1", Standing::tolerated);
    EXPECT_TRUE(c.evidence.wants_confirmation());
    EXPECT_EQ(c.leader().reason,
              "it last said that it does not lead; since then its API does not answer: connection "
              "refused");
    c.after(200ms).cluster("p1");
    c.after(499ms).cluster("p1");
    expect_leader(c, "p1", Standing::tolerated);
    c.after(1ms).cluster("p1");
    expect_leader(c, "p1", Standing::eligible);
}

TEST(EvidenceTest, APatroniThatCannotAskItsPostgresSpeaksNeitherAgainstTheLeaderNorForIt) {
    for (const std::string role : {"primary", "master", "promoted"}) {
        Case c;
        c.cluster("p1").proves("p1");
        for (int i = 0; i < 10; ++i) {
            c.after(500ms).cluster("p1").answers("p1", 200, role, "unknown");
            expect_leader(c, "p1", Standing::eligible);
            EXPECT_THAT(c.evidence.view().warnings,
                        ElementsAre("p1 is leader by /cluster alone: its Patroni cannot ask its "
                                    "PostgreSQL"));
            EXPECT_THAT(c.evidence.view().denials, IsEmpty());
        }
        c.after(3s).cluster("").answers("p1", 200, role, "unknown");
        expect_leader(c, "p1", Standing::tolerated);
        c.after(500ms).cluster("").answers("p1", 200, role, "unknown");
        EXPECT_EQ(c.leader().member, "");
    }
}

TEST(EvidenceTest, APatroniThatCannotAskItsPostgresTakesBackNoDenial) {
    Case c;
    c.cluster("p1").proves("p1").after(1s).answers("p1", 503, "primary", "unknown");
    expect_leader(c, "p1", Standing::tolerated);
    c.after(100ms).answers("p1", 200, "primary", "unknown");
    expect_leader(c, "p1", Standing::tolerated);
    c.after(1s).answers("p1", 503, "primary", "unknown");
    c.after(500ms).answers("p1", 503, "primary", "unknown");  // without the lock it is a denial
    EXPECT_EQ(c.leader().member, "");
}

TEST(EvidenceTest, ACandidateWhosePostgresCannotBeAskedIsNotPromotedForAllAnybodyKnows) {
    Case c;
    c.cluster("p1").proves("p1").after(3s);
    for (int i = 0; i < 5; ++i)
        c.after(500ms).cluster("p2").answers("p2", 200, "replica", "unknown");
    EXPECT_EQ(c.leader().member, "");
    EXPECT_EQ(c.evidence.candidate(), "p2");
    // Promoted for all its Patroni knows.
    c.after(100ms).cluster("p2").answers("p2", 200, "primary", "unknown");
    EXPECT_EQ(c.leader().member, "") << "its denial is not refuted";
    c.after(500ms).cluster("p2").after(500ms).cluster("p2");
    expect_leader(c, "p2", Standing::eligible);
}

TEST(EvidenceTest, AfterADenialClusterHasToNameTheLeaderTwice) {
    for (const bool first_ever : {true, false}) {
        Case c;
        if (!first_ever) {
            c.cluster("p1").proves("p1").after(1s);
            c.cluster("p2").answers("p1", 503, "replica").after(1s);
        }
        c.cluster("p2").after(1s).cluster("p2").answers("p2", 200, "replica");
        c.after(50ms).silent("p2");
        EXPECT_EQ(c.leader().member, "") << first_ever;
        c.after(200ms).cluster("p2");
        c.after(499ms).cluster("p2");
        EXPECT_EQ(c.leader().member, "") << first_ever;
        c.after(1ms).cluster("p2");
        expect_leader(c, "p2", Standing::eligible);
    }
}

/// Nobody leads by it; of one member it says this.
ClusterSnapshot with_entry(const std::string& name, const std::string& role,
                           const std::string& state) {
    auto snapshot = led_by("");
    for (auto& each : snapshot.members)
        if (each.name == name) {
            each = member(name, role);
            each.state_name = state;
            each.state = state_from(state);
        }
    return snapshot;
}

TEST(EvidenceTest, AnEntryThatCannotBeReadSpeaksNeitherAgainstTheLeaderNorForIt) {
    Case c;
    c.cluster("p1").proves("p1");
    c.after(3s).silent("p1");
    c.after(1s).cluster(with_entry("p1", "chief", "running"));
    EXPECT_EQ(c.leader().member, "p1");
    EXPECT_EQ(c.leader().standing, Standing::eligible);
    EXPECT_EQ(c.unconfirmed(), 4s);
    EXPECT_THAT(c.evidence.view().warnings,
                testing::Contains(
                    "p1: its role is 'chief' in Patroni's answer; keeping its last known entry"));
    c.after(10s).cluster(with_entry("p1", "", ""));
    EXPECT_EQ(c.leader().standing, Standing::eligible);
    c.after(1s).cluster("p1");
    EXPECT_EQ(c.unconfirmed(), 0s);
}

TEST(EvidenceTest, AnAnswerThatSaysNothingOfTheLeaderIsNoSecondOneAgainstIt) {
    ClusterSnapshot without = led_by("");
    without.members.erase(without.members.begin());
    ClusterSnapshot nameless = without;
    nameless.nameless = 1;  // this may be p1's
    for (const auto& [against, saying_nothing] :
         {std::pair{led_by(""), with_entry("p1", "chief", "running")}, {without, nameless}}) {
        Case c;
        c.cluster("p1").proves("p1").after(3s).cluster(against).silent("p1");
        expect_leader(c, "p1", Standing::tolerated);
        c.after(1s).cluster(saying_nothing).silent("p1");
        expect_leader(c, "p1", Standing::tolerated);
        c.after(1s).cluster(against).silent("p1");
        EXPECT_EQ(c.leader().member, "");
    }
}

TEST(EvidenceTest, AnAnswerCountsAsOfWhenItCameHoweverLateItIsKnownWhoseItIs) {
    Case c;
    c.cluster("p1").proves("p1").after(3s).cluster("").silent("p1").after(1s);
    c.came_before(700ms, led_by("")).silent("p1");
    expect_leader(c, "p1", Standing::tolerated);
    c.came_before(500ms, led_by("")).silent("p1");
    EXPECT_EQ(c.leader().member, "");
}

TEST(EvidenceTest, AReportedLeaderWinsOverARememberedOne) {
    Case c;
    c.cluster("p1").proves("p1");
    auto snapshot = with_entry("p1", "chief", "running");
    snapshot.members[1] = member("p2", "leader");
    c.after(3s).cluster(snapshot).answers("p1", 503, "replica");
    EXPECT_EQ(c.leader().member, "");
    c.proves("p2");
    expect_leader(c, "p2", Standing::eligible);
}

}  // namespace
}  // namespace patroni::evidence_tests
