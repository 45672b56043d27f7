// Maintenance mode: the lock may run out, and the primary stays leader.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evidence_case.h"
#include "patroni/verdict/evidence.h"

namespace patroni::evidence_tests {
namespace {

using testing::HasSubstr;

TEST(EvidenceTest, IsSettledWhilePausedWithoutALock) {
    Case c;
    c.cluster("p1").proves("p1");
    c.after(1s).cluster(paused());
    EXPECT_TRUE(c.evidence.is_settled());
}

TEST(EvidenceTest, PausedLeaderStaysUntilAnotherProves) {
    Case c;
    c.cluster("p1").proves("p1");
    for (int i = 0; i < 5; ++i) {
        c.after(3s).cluster(paused()).answers("p1", 503, "primary");
        expect_leader(c, "p1", Standing::eligible);
    }
    c.after(3s).cluster(paused("p2")).silent("p2").after(3s).cluster(paused("p2")).silent("p2");
    expect_leader(c, "p1", Standing::eligible);
    c.proves("p2", 2);
    expect_leader(c, "p2", Standing::eligible);
}

TEST(EvidenceTest, PausedPrimaryWithoutTheLockConfirmsItself) {
    Case c;
    c.cluster("p1").proves("p1");
    c.after(30s).cluster(paused()).answers("p1", 503, "primary");
    expect_leader(c, "p1", Standing::eligible);
    EXPECT_EQ(c.unconfirmed(), 0ms);
    // /cluster does not vouch for it, so its silence is what it is.
    c.after(30s).cluster(paused()).silent("p1");
    expect_leader(c, "p1", Standing::eligible);
    EXPECT_EQ(c.unconfirmed(), 30s);
}

TEST(EvidenceTest, APausedClusterWithoutALockHasNoLeaderAtTheStart) {
    Case c;
    c.cluster(paused());
    EXPECT_EQ(c.leader().member, "");
    EXPECT_THAT(c.leader().reason, HasSubstr("no leader"));
}

// What it said while paused was no objection: the first one since is one answer.
TEST(EvidenceTest, TheFirstDenialAfterMaintenanceIsOne) {
    Case c;
    c.cluster("p1").proves("p1").after(1s);
    c.cluster(paused()).observe(PrimaryAnswer{"p1", 503, "primary", "running", 1, true});
    expect_leader(c, "p1", Standing::eligible);
    c.after(3s).cluster("p1").answers("p1", 200, "replica");
    expect_leader(c, "p1", Standing::tolerated);
    c.after(500ms).answers("p1", 200, "replica");
    EXPECT_EQ(c.leader().member, "");
}

// One answer shows it as paused, by a view of before.
TEST(EvidenceTest, WhatWasNoObjectionIsNoneAfterMaintenance) {
    Case c;
    c.cluster("p1").proves("p1").after(1s);
    c.cluster(paused()).answers("p1", 503, "primary").after(1s).answers("p1", 503, "primary");
    c.after(1s).cluster("p1");
    expect_leader(c, "p1", Standing::eligible);
}

// Nobody takes over from a silent leader while paused. So the answers that name another member then
// do not make it leader with the first answer after maintenance.
TEST(EvidenceTest, BeingNamedInMaintenanceIsNotTheFirstOfTwoAnswersAfterIt) {
    Case c;
    c.cluster("p1").proves("p1").after(1s);
    for (int i = 0; i < 5; ++i)
        c.after(1s).cluster(paused("p2")).silent("p1").silent("p2");
    expect_leader(c, "p1", Standing::eligible);
    c.after(1s).cluster("p2");
    expect_leader(c, "p1", Standing::tolerated);
    c.after(500ms).cluster("p2");
    expect_leader(c, "p2", Standing::eligible);
}

}  // namespace
}  // namespace patroni::evidence_tests
