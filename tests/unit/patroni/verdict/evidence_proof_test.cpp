// Who is taken for the leader.

#include <chrono>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evidence_case.h"
#include "patroni/verdict/evidence.h"

namespace patroni::evidence_tests {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(EvidenceTest, NobodyLeadsBeforeTheFirstAnswer) {
    const Case c;
    EXPECT_EQ(c.leader().member, "");
    EXPECT_EQ(c.evidence.leaders_to_ask().size(), 0U);
}

TEST(EvidenceTest, LeaderProvesItselfByStatusRoleAndState) {
    Case c;
    c.cluster("p1");
    EXPECT_EQ(c.leader().member, "");
    EXPECT_THAT(c.leader().reason, HasSubstr("has not answered yet"));
    EXPECT_THAT(c.evidence.leaders_to_ask(), ElementsAre("p1"));
    c.proves("p1");
    expect_leader(c, "p1", Standing::eligible);
}

TEST(EvidenceTest, NoSingleOneOfTheThreeIsEnough) {
    struct {
        int status;
        const char* role;
        const char* state;
        const char* reason;
    } const cases[] = {
        {200, "replica", "running", "200, role replica"},  // promotion is not finished
        {503, "primary", "running", "503, role primary"},  // demoting, or its key is lost
        {200, "primary", "stopping", "state stopping"},
        {503, "master", "running", "503, role master"},
        {200, "", "", "role unknown"},
    };
    for (const auto& each : cases) {
        Case c;
        c.cluster("p1").answers("p1", each.status, each.role, each.state);
        EXPECT_EQ(c.leader().member, "");
        EXPECT_THAT(c.leader().reason, HasSubstr(each.reason));
    }
    for (const char* role : {"primary", "master"}) {
        Case c;
        c.cluster("p1").answers("p1", 200, role, "running");
        expect_leader(c, "p1", Standing::eligible);
    }
}

TEST(EvidenceTest, ClusterAloneIsBelievedAtFirstWhereTheApiIsOutOfReach) {
    Case c;
    c.cluster("p1").silent("p1");
    expect_leader(c, "p1", Standing::eligible);
    EXPECT_THAT(c.evidence.view().warnings, ElementsAre(HasSubstr("by /cluster alone")));
    EXPECT_THAT(c.evidence.view().warnings, ElementsAre(HasSubstr("connection refused")));
}

TEST(EvidenceTest, ClusterAloneNeedsASecondAnswerLater) {
    Case c;
    c.cluster("p1").silent("p1");
    c.after(3s).cluster("p2").silent("p1").silent("p2");
    expect_leader(c, "p1", Standing::tolerated);
    c.after(499ms).cluster("p2");
    expect_leader(c, "p1", Standing::tolerated);
    c.after(1ms).cluster("p2");
    expect_leader(c, "p2", Standing::eligible);
}

TEST(EvidenceTest, ClusterAloneNeverReplacesALeaderThatProvesItself) {
    Case c;
    c.cluster("p1").proves("p1");
    for (int i = 0; i < 5; ++i) {
        c.after(1s).cluster("p2").silent("p2").proves("p1");
        expect_leader(c, "p1", Standing::eligible);
    }
}

TEST(EvidenceTest, SwitchoverEndsTheOldLeaderWithTheProofOfTheNew) {
    Case c;
    c.cluster("p1").proves("p1");
    c.after(3s).cluster("p2");
    expect_leader(c, "p1", Standing::tolerated);
    EXPECT_THAT(c.evidence.leaders_to_ask(), ElementsAre("p2", "p1"));
    c.answers("p2", 200, "replica");  // not promoted yet
    expect_leader(c, "p1", Standing::tolerated);
    c.proves("p2", 2);
    expect_leader(c, "p2", Standing::eligible);
}

TEST(EvidenceTest, OldPrimaryWithoutPatroniLosesToTheProvenLeader) {
    Case c;
    c.cluster("p1").proves("p1");
    c.after(20s).silent("p1").cluster("p2").proves("p2", 2);
    expect_leader(c, "p2", Standing::eligible);
}

TEST(EvidenceTest, LowerTimelineNeedsConfirmationAndThenGetsThrough) {
    Case c;
    c.cluster("p1").proves("p1", 5);
    c.after(3s).cluster("p2").silent("p1").proves("p2", 1);
    EXPECT_NE(c.leader().member, "p2");
    EXPECT_TRUE(c.evidence.wants_confirmation());
    c.after(500ms).cluster("p2").silent("p1").proves("p2", 1);
    expect_leader(c, "p2", Standing::eligible);
    // The lower timeline is the cluster's own now.
    c.after(3s).cluster("p2").proves("p2", 1);
    expect_leader(c, "p2", Standing::eligible);
}

TEST(EvidenceTest, TwoThatProveThemselvesAreDecidedByCluster) {
    Case c;
    c.cluster("p1").proves("p1", 3);
    c.proves("p2", 3);
    expect_leader(c, "p1", Standing::eligible);
    c.after(3s).cluster("p2").proves("p2", 3);
    expect_leader(c, "p2", Standing::eligible);
}

TEST(EvidenceTest, TwoLeadersInOneAnswerProveNeither) {
    Case c;
    ClusterSnapshot both = led_by("p1");
    both.members[1].role = Role::leader;
    c.cluster(both).silent("p1").silent("p2");
    EXPECT_EQ(c.leader().member, "");
}

TEST(EvidenceTest, AChallengerNeedsAnotherSourceWhileTheLeaderProvesItself) {
    const auto through = [](const std::string& leader, const std::string& member) {
        return ClusterAnswer{std::make_shared<const ClusterSnapshot>(led_by(leader)), member};
    };
    Case c;
    c.cluster("p1").proves("p1").after(1s);
    c.observe(through("p2", "p2")).proves("p2");
    EXPECT_EQ(c.leader().member, "p1");
    EXPECT_TRUE(c.evidence.wants_confirmation());
    EXPECT_TRUE(c.evidence.wants_other_host());
    c.observe(through("p2", "p3"));
    EXPECT_EQ(c.leader().member, "p2");
    EXPECT_EQ(c.leader().standing, Standing::eligible);
}

TEST(EvidenceTest, AChallengerNeedsNoOtherSourceOnceTheLeaderDeniesItself) {
    Case c;
    c.cluster("p1").proves("p1").after(1s);
    c.observe(ClusterAnswer{std::make_shared<const ClusterSnapshot>(led_by("p2")), "p2"});
    c.proves("p2").answers("p1", 503, "replica");
    EXPECT_EQ(c.leader().member, "p2");
}

TEST(EvidenceTest, AnOldLeaderThatWakesUpDoesNotReplaceASilentNamedLeader) {
    Case c;
    c.cluster("p1").proves("p1").after(1s);
    c.cluster("p2").silent("p1").silent("p2").after(500ms).cluster("p2");
    expect_leader(c, "p2", Standing::eligible);
    c.proves("p1");  // asked before, and its Patroni was frozen
    expect_leader(c, "p2", Standing::eligible);
    c.after(200ms).cluster("p1");
    expect_leader(c, "p1", Standing::eligible);
}

TEST(EvidenceTest, AnotherMembersAnswerCountsAsSilenceWithAWarning) {
    Case c;
    c.cluster("p1").observe(PrimarySilence{"p1", "q1 answers at its API", true});
    EXPECT_EQ(c.leader().reason, "leader by /cluster alone: q1 answers at its API");
    EXPECT_THAT(c.evidence.view().warnings,
                ElementsAre("p1 is leader by /cluster alone: q1 answers at its API"));
    c.observe(PrimarySilence{"p2", "q2 answers at its API", true});
    EXPECT_THAT(c.evidence.view().warnings, Contains("p2: q2 answers at its API"));
}

/// Whatever comes in whatever order: one leader at most, and none without a proof of its own or,
/// where its API was out of reach, the word of /cluster.
TEST(EvidenceTest, RandomInterleavingsNeverGiveALeaderWithoutProof) {
    std::mt19937 random(20261121);
    const auto below = [&](int bound) {
        return static_cast<int>(random() % static_cast<unsigned>(bound));
    };
    const std::vector<std::string> names{"p1", "p2", "p3"};
    for (int run = 0; run < 2'000; ++run) {
        Case c;
        std::set<std::string> proved;
        std::set<std::string> named;
        std::set<std::string> silent;
        std::map<std::string, bool> denies;
        std::string before;
        for (int step = 0; step < 60; ++step) {
            const std::string& name = names[static_cast<std::size_t>(below(3))];
            c.after(std::chrono::milliseconds(below(1'000)));
            switch (below(5)) {
                case 0: {
                    ClusterSnapshot snapshot = led_by(below(4) == 0 ? "" : name);
                    snapshot.paused = below(5) == 0;
                    if (below(8) == 0)
                        snapshot.members.erase(snapshot.members.begin() + below(3));
                    c.cluster(snapshot);
                    named.insert(name);
                    break;
                }
                case 1:
                    c.proves(name, static_cast<std::uint64_t>(1 + below(3)));
                    proved.insert(name);
                    break;
                case 2:
                    c.answers(name, below(2) == 0 ? 200 : 503,
                              below(2) == 0 ? "replica" : "primary", "starting");
                    break;
                default:
                    c.silent(name);
                    silent.insert(name);
            }
            const auto& leader = c.leader();
            EXPECT_FALSE(leader.reason.empty());
            if (leader.member.empty()) {
                EXPECT_EQ(static_cast<int>(leader.standing), static_cast<int>(Standing::out));
            } else {
                EXPECT_TRUE(proved.contains(leader.member) ||
                            (named.contains(leader.member) && silent.contains(leader.member)));
                EXPECT_EQ(leader.details.name, leader.member);
            }
            if (HasFailure())
                FAIL() << "run " << run << ", step " << step;
        }
    }
}

TEST(EvidenceTest, AProofIsVoidOnceClusterHasNamedAnotherMember) {
    Case c;
    c.cluster("p1").proves("p1").after(1s).silent("p1");
    c.proves("p2", 2);  // alone against a silent leader that is named
    expect_leader(c, "p1", Standing::eligible);
    c.after(1s).cluster("p1").after(1s).proves("p1").after(10ms).cluster("p2");
    expect_leader(c, "p1", Standing::tolerated);
    c.proves("p2", 2);
    expect_leader(c, "p2", Standing::eligible);
}

// The answer comes through another member, but what it says of p2 cannot be read.
TEST(EvidenceTest, AnEntryFromMemoryIsNoSecondSource) {
    const auto through = [](ClusterSnapshot snapshot, const std::string& member) {
        return ClusterAnswer{std::make_shared<const ClusterSnapshot>(std::move(snapshot)), member};
    };
    Case c;
    c.cluster("p1").proves("p1").after(1s);
    c.observe(through(led_by("p2"), "p2")).proves("p2", 2);
    EXPECT_EQ(c.leader().member, "p1");
    ClusterSnapshot unreadable = led_by("");
    unreadable.members[1] = member("p2", "chief");
    c.observe(through(unreadable, "p3"));
    EXPECT_EQ(c.leader().member, "p1");
    c.observe(through(led_by("p2"), "p3"));
    EXPECT_EQ(c.leader().member, "p2");
}

TEST(EvidenceTest, ALeaderThatDoesNotRunIsNotNamed) {
    for (const char* state : {"starting", "stopping", "stopped", "crashed", "restarting"}) {
        ClusterSnapshot snapshot = led_by("p1");
        snapshot.members[0].state_name = state;
        snapshot.members[0].state = state_from(state);
        Case c;
        c.cluster(snapshot).silent("p1");
        EXPECT_EQ(c.leader().member, "") << state;
        EXPECT_TRUE(c.evidence.is_leaderless()) << state;
    }
}

}  // namespace
}  // namespace patroni::evidence_tests
