// Who leads: observations in, verdict out.

#include "patroni/verdict/evidence.h"

#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace std::chrono_literals;
using patroni::ClusterAnswer;
using patroni::ClusterSnapshot;
using patroni::Evidence;
using patroni::Member;
using patroni::PrimaryAnswer;
using patroni::PrimarySilence;
using patroni::Standing;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

Member member(const std::string& name, const std::string& role, std::uint64_t timeline = 1) {
    Member member;
    member.name = name;
    member.role_name = role;
    member.role = patroni::role_from(role);
    member.state_name = "running";
    member.state = patroni::State::running;
    member.host = "127.0.0.1";
    member.port = 5432;
    member.timeline = timeline;
    return member;
}

ClusterSnapshot led_by(const std::string& leader) {
    ClusterSnapshot snapshot;
    for (const std::string name : {"p1", "p2", "p3"})
        snapshot.members.push_back(member(name, name == leader ? "leader" : "replica"));
    return snapshot;
}

/// Evidence with a hand on the clock.
class Case {
  public:
    Case& cluster(ClusterSnapshot snapshot) {
        return observe(ClusterAnswer{std::make_shared<const ClusterSnapshot>(std::move(snapshot))});
    }
    Case& cluster(const std::string& leader) { return cluster(led_by(leader)); }
    Case& proves(const std::string& name, std::uint64_t timeline = 1) {
        return observe(PrimaryAnswer{name, 200, "primary", "running", timeline, false});
    }
    Case& answers(const std::string& name, int status, const std::string& role,
                  const std::string& state = "running") {
        return observe(PrimaryAnswer{name, status, role, state, 1, false});
    }
    Case& silent(const std::string& name) {
        return observe(PrimarySilence{name, "connection refused"});
    }
    Case& after(std::chrono::milliseconds time) {
        now_ += time;
        return *this;
    }

    Case& position(const std::string& name, std::optional<std::uint64_t> position) {
        return observe(patroni::PositionAnswer{name, position});
    }
    Case& observe(decltype(patroni::Observation::claim) claim) {
        evidence.observe({now_, std::move(claim)});
        return *this;
    }

    [[nodiscard]] const patroni::Leadership& leader() const { return evidence.view().leader; }

    /// How long ago the leader was last confirmed.
    [[nodiscard]] std::chrono::milliseconds unconfirmed() const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(now_ - leader().confirmed_at);
    }

    Evidence evidence;

  private:
    patroni::Clock::time_point now_{1h};
};

void expect_leader(const Case& c, const std::string& name, Standing standing) {
    EXPECT_EQ(c.leader().member, name);
    EXPECT_EQ(static_cast<int>(c.leader().standing), static_cast<int>(standing))
        << c.leader().reason;
    EXPECT_FALSE(c.leader().reason.empty());
}

TEST(Evidence, NobodyLeadsBeforeTheFirstAnswer) {
    const Case c;
    EXPECT_EQ(c.leader().member, "");
    EXPECT_EQ(c.evidence.leaders_to_ask().size(), 0U);
}

TEST(Evidence, LeaderProvesItselfByStatusRoleAndState) {
    Case c;
    c.cluster("p1");
    EXPECT_EQ(c.leader().member, "");
    EXPECT_THAT(c.leader().reason, HasSubstr("has not answered yet"));
    EXPECT_THAT(c.evidence.leaders_to_ask(), ElementsAre("p1"));
    c.proves("p1");
    expect_leader(c, "p1", Standing::eligible);
}

TEST(Evidence, NoSingleOneOfTheThreeIsEnough) {
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

TEST(Evidence, ClusterAloneIsBelievedAtFirstWhereTheApiIsOutOfReach) {
    Case c;
    c.cluster("p1").silent("p1");
    expect_leader(c, "p1", Standing::eligible);
    EXPECT_THAT(c.evidence.view().warnings, ElementsAre(HasSubstr("by /cluster alone")));
    EXPECT_THAT(c.evidence.view().warnings, ElementsAre(HasSubstr("connection refused")));
}

TEST(Evidence, ClusterAloneNeedsASecondAnswerLater) {
    Case c;
    c.cluster("p1").silent("p1");
    c.after(3s).cluster("p2").silent("p1").silent("p2");
    expect_leader(c, "p1", Standing::tolerated);
    c.after(499ms).cluster("p2");
    expect_leader(c, "p1", Standing::tolerated);
    c.after(1ms).cluster("p2");
    expect_leader(c, "p2", Standing::eligible);
}

TEST(Evidence, ClusterAloneNeverReplacesALeaderThatProvesItself) {
    Case c;
    c.cluster("p1").proves("p1");
    for (int i = 0; i < 5; ++i) {
        c.after(1s).cluster("p2").silent("p2").proves("p1");
        expect_leader(c, "p1", Standing::eligible);
    }
}

TEST(Evidence, SilenceKeepsTheVerdict) {
    Case c;
    c.cluster("p1").proves("p1");
    for (int i = 0; i < 10; ++i)
        c.after(3s).silent("p1");
    expect_leader(c, "p1", Standing::eligible);
}

TEST(Evidence, OneContraryAnswerStopsNewSessionsAndASecondEndsIt) {
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

TEST(Evidence, OneVanishedAnswerDoesNotEndIt) {
    Case c;
    c.cluster("p1").proves("p1");
    c.after(3s).cluster(ClusterSnapshot{});
    expect_leader(c, "p1", Standing::tolerated);
    c.proves("p1");
    expect_leader(c, "p1", Standing::eligible);
    c.after(3s).cluster("p1");
    expect_leader(c, "p1", Standing::eligible);
}

TEST(Evidence, BothSourcesTogetherEndItAtOnce) {
    Case c;
    c.cluster("p1").proves("p1");
    c.after(3s).cluster("").answers("p1", 503, "replica");
    EXPECT_EQ(c.leader().member, "");
}

TEST(Evidence, SwitchoverEndsTheOldLeaderWithTheProofOfTheNew) {
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

TEST(Evidence, IsSettledWhileNobodyDoubtsTheLeader) {
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

TEST(Evidence, IsSettledWhilePausedWithoutALock) {
    Case c;
    c.cluster("p1").proves("p1");
    auto paused = led_by("");
    paused.paused = true;
    c.after(1s).cluster(paused);
    EXPECT_TRUE(c.evidence.is_settled());
}

TEST(Evidence, IsSettledInAStandbyCluster) {
    auto snapshot = led_by("");
    snapshot.members[0] = member("p1", "standby_leader");
    Case c;
    c.cluster(snapshot);
    EXPECT_TRUE(c.evidence.is_settled());
    snapshot.members[0].state = patroni::State::not_running;
    c.after(1s).cluster(snapshot);
    EXPECT_FALSE(c.evidence.is_settled());
}

TEST(Evidence, TheCandidateHoldsTheLockAndIsNotPromotedYet) {
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

TEST(Evidence, ClusterWithoutARunningLeaderIsLeaderless) {
    Case c;
    EXPECT_FALSE(c.evidence.is_leaderless()) << "nothing is known";
    c.cluster("p1");
    EXPECT_FALSE(c.evidence.is_leaderless());
    c.cluster("");
    EXPECT_TRUE(c.evidence.is_leaderless());
    c.cluster("p2");
    EXPECT_FALSE(c.evidence.is_leaderless()) << "though it has not proven itself";
}

TEST(Evidence, PatroniKilledAloneIsNoticedWhenItsKeyExpires) {
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

TEST(Evidence, OldPrimaryWithoutPatroniLosesToTheProvenLeader) {
    Case c;
    c.cluster("p1").proves("p1");
    c.after(20s).silent("p1").cluster("p2").proves("p2", 2);
    expect_leader(c, "p2", Standing::eligible);
}

TEST(Evidence, PausedLeaderStaysUntilAnotherProves) {
    Case c;
    c.cluster("p1").proves("p1");
    ClusterSnapshot paused = led_by("");
    paused.paused = true;
    for (int i = 0; i < 5; ++i) {
        c.after(3s).cluster(paused).answers("p1", 503, "primary");
        expect_leader(c, "p1", Standing::eligible);
    }
    ClusterSnapshot named = led_by("p2");
    named.paused = true;
    c.after(3s).cluster(named).silent("p2").after(3s).cluster(named).silent("p2");
    expect_leader(c, "p1", Standing::eligible);
    c.proves("p2", 2);
    expect_leader(c, "p2", Standing::eligible);
}

TEST(Evidence, LeaderIsConfirmedByItselfAndByCluster) {
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

TEST(Evidence, OnlyAnswersInFavourOfTheLeaderConfirmIt) {
    Case c;
    c.cluster("p1").proves("p1").after(1s).silent("p1");
    c.answers("p2", 503, "replica").position("p1", 1).observe(patroni::Push{});
    c.observe(patroni::TrafficTrouble{"p1"});
    EXPECT_EQ(c.unconfirmed(), 1s);
    c.cluster("");
    expect_leader(c, "p1", Standing::tolerated);
    EXPECT_EQ(c.unconfirmed(), 1s);
    c.answers("p1", 503, "replica");
    EXPECT_EQ(c.leader().member, "");
    EXPECT_EQ(c.leader().confirmed_at, patroni::Clock::time_point{});
}

TEST(Evidence, ANewLeaderIsConfirmedWhenItIsBelieved) {
    Case c;
    c.cluster("p1").proves("p1").after(20s).cluster("p2").proves("p2", 2);
    expect_leader(c, "p2", Standing::eligible);
    EXPECT_EQ(c.unconfirmed(), 0ms);
    c.after(7s).silent("p2");
    EXPECT_EQ(c.unconfirmed(), 7s);
}

TEST(Evidence, PausedPrimaryWithoutTheLockConfirmsItself) {
    Case c;
    c.cluster("p1").proves("p1");
    ClusterSnapshot paused = led_by("");
    paused.paused = true;
    c.after(30s).cluster(paused).answers("p1", 503, "primary");
    expect_leader(c, "p1", Standing::eligible);
    EXPECT_EQ(c.unconfirmed(), 0ms);
    // /cluster does not vouch for it, so its silence is what it is.
    c.after(30s).cluster(paused).silent("p1");
    expect_leader(c, "p1", Standing::eligible);
    EXPECT_EQ(c.unconfirmed(), 30s);
}

TEST(Evidence, APausedClusterWithoutALockHasNoLeaderAtTheStart) {
    Case c;
    ClusterSnapshot paused = led_by("");
    paused.paused = true;
    c.cluster(paused);
    EXPECT_EQ(c.leader().member, "");
    EXPECT_THAT(c.leader().reason, HasSubstr("no leader"));
}

TEST(Evidence, LowerTimelineNeedsConfirmationAndThenGetsThrough) {
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

TEST(Evidence, TwoThatProveThemselvesAreDecidedByCluster) {
    Case c;
    c.cluster("p1").proves("p1", 3);
    c.proves("p2", 3);
    expect_leader(c, "p1", Standing::eligible);
    c.after(3s).cluster("p2").proves("p2", 3);
    expect_leader(c, "p2", Standing::eligible);
}

TEST(Evidence, TwoLeadersInOneAnswerProveNeither) {
    Case c;
    ClusterSnapshot both = led_by("p1");
    both.members[1].role = patroni::Role::leader;
    c.cluster(both).silent("p1").silent("p2");
    EXPECT_EQ(c.leader().member, "");
}

TEST(Evidence, AMissingLeaderHasAReason) {
    Case c;
    c.cluster("");
    EXPECT_EQ(c.leader().reason, "Patroni shows no leader");
    c.cluster("p1").answers("p1", 200, "replica");
    EXPECT_EQ(c.leader().reason,
              "p1 is shown as leader, but its API answers 200, role replica, state running");
}

TEST(Evidence, AChangeIsConfirmedByAnAnswerThatIsLateEnough) {
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

TEST(Evidence, ANamedLeaderWithoutAProofIsAskedAgainSoon) {
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

/// Nobody leads by it; of one member it says this.
ClusterSnapshot with_entry(const std::string& name, const std::string& role,
                           const std::string& state) {
    auto snapshot = led_by("");
    for (auto& each : snapshot.members)
        if (each.name == name) {
            each = member(name, role);
            each.state_name = state;
            each.state = patroni::state_from(state);
        }
    return snapshot;
}

TEST(Evidence, AnEntryThatCannotBeReadSpeaksNeitherAgainstTheLeaderNorForIt) {
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

TEST(Evidence, AReportedLeaderWinsOverARememberedOne) {
    Case c;
    c.cluster("p1").proves("p1");
    auto snapshot = with_entry("p1", "chief", "running");
    snapshot.members[1] = member("p2", "leader");
    c.after(3s).cluster(snapshot).answers("p1", 503, "replica");
    EXPECT_EQ(c.leader().member, "");
    c.proves("p2");
    expect_leader(c, "p2", Standing::eligible);
}

TEST(Evidence, LiveLagIsTheLeadersPositionLessTheReplicas) {
    Case c;
    c.cluster("p1").proves("p1");
    c.evidence.observe({patroni::Clock::time_point{1h}, patroni::PositionAnswer{"p1", 1000}});
    c.evidence.observe({patroni::Clock::time_point{1h}, patroni::PositionAnswer{"p2", 400}});
    c.evidence.observe({patroni::Clock::time_point{1h}, patroni::PositionAnswer{"p3", 1100}});
    EXPECT_THAT(
        c.evidence.view().live_lag,
        ElementsAre(testing::Pair("p1", 0), testing::Pair("p2", 600), testing::Pair("p3", 0)));
}

TEST(Evidence, PositionsOfMembersThatAreGoneAreForgotten) {
    Case c;
    c.cluster("p1").proves("p1");
    c.evidence.observe({patroni::Clock::time_point{1h}, patroni::PositionAnswer{"p1", 1000}});
    c.evidence.observe({patroni::Clock::time_point{1h}, patroni::PositionAnswer{"gone", 400}});
    EXPECT_THAT(c.evidence.view().live_lag, ElementsAre(testing::Pair("p1", 0)));
}

TEST(Evidence, APositionThatIsNotRenewedIsUnknown) {
    Case c;
    c.cluster("p1").proves("p1").position("p1", 1000).position("p2", 400);
    c.position("p2", std::nullopt);
    EXPECT_THAT(c.evidence.view().live_lag, ElementsAre(testing::Pair("p1", 0)));
    // Without the leader's there is nothing to compare with: it must not age into a lag of zero.
    c.position("p2", 400).position("p1", std::nullopt);
    EXPECT_THAT(c.evidence.view().live_lag, testing::IsEmpty());
}

TEST(Evidence, APushAndTroubleOnlyAskForAnotherPoll) {
    for (const auto& doubt : std::initializer_list<decltype(patroni::Observation::claim)>{
             patroni::Push{}, patroni::TrafficTrouble{"p1"}, patroni::TrafficTrouble{"p2"}}) {
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

/// Whatever comes in whatever order: one leader at most, and none without a proof of its own or,
/// where its API was out of reach, the word of /cluster.
TEST(Evidence, RandomInterleavingsNeverGiveALeaderWithoutProof) {
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

// ---------------------------------------------------------------------------------------------
// Words that are older than what speaks against them, and words against words

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

// What it said while paused was no objection: the first one since is one answer.
TEST(EvidenceTest, TheFirstDenialAfterMaintenanceIsOne) {
    Case c;
    ClusterSnapshot paused = led_by("");
    paused.paused = true;
    c.cluster("p1").proves("p1").after(1s);
    c.cluster(paused).observe(PrimaryAnswer{"p1", 503, "primary", "running", 1, true});
    expect_leader(c, "p1", Standing::eligible);
    c.after(3s).cluster("p1").answers("p1", 200, "replica");
    expect_leader(c, "p1", Standing::tolerated);
    c.after(500ms).answers("p1", 200, "replica");
    EXPECT_EQ(c.leader().member, "");
}

// One answer shows it as paused, by a view of before.
TEST(EvidenceTest, WhatWasNoObjectionIsNoneAfterMaintenance) {
    Case c;
    ClusterSnapshot paused = led_by("");
    paused.paused = true;
    c.cluster("p1").proves("p1").after(1s);
    c.cluster(paused).answers("p1", 503, "primary").after(1s).answers("p1", 503, "primary");
    c.after(1s).cluster("p1");
    expect_leader(c, "p1", Standing::eligible);
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

TEST(EvidenceTest, OnlyTheLeadersLastContactWithTheStoreIsKept) {
    Case c;
    c.cluster("p1").observe(PrimaryAnswer{"p1", 200, "primary", "running", 1, false, 1000});
    EXPECT_THAT(c.evidence.view().dcs_last_seen, ElementsAre(testing::Pair("p1", 1000)));
    c.cluster("p2").observe(PrimaryAnswer{"p1", 503, "replica", "running", 1, false, 1001});
    c.observe(PrimaryAnswer{"p2", 200, "primary", "running", 2, false, 1002});
    EXPECT_THAT(c.evidence.view().dcs_last_seen, ElementsAre(testing::Pair("p2", 1002)));
}

}  // namespace
