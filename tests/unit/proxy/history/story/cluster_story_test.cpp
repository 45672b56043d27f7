// Records made of what Patroni's APIs answer, as measured on real clusters.

#include "patroni_proxy/history/story/cluster_story.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/proxy/history/story/story_case.h"

namespace proxy::history {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

/// As far as the new leader's promotion; p1 gave up its lock 1.3 s before.
void switch_over(StoryCase& c) {
    c.pass(10s).cluster("p1").proves("p1").poll();
    c.after(250ms).unreachable = "the database system is shutting down";
    c.ports["rw"].ended = 3;
    c.look();
    c.after(1s).denies("p1");
    c.states["p1"] = "stopping";
    c.after(100ms).unreachable.clear();
    c.cluster("").after(50ms).cluster("p2").denies("p2", "running");
    c.after(100ms).proves("p2").poll();
}

TEST(ClusterStoryTest, APlannedSwitchover) {
    StoryCase c;
    switch_over(c);
    c.ports["rw"].held = 12;
    c.ports["rw"].longest_held = 0.9;
    c.ports["rw"].first_sessions["p2"] = Clock::time_point{1h} + 11'550ms;
    c.pass(5s);
    const Record record = c.only();
    EXPECT_EQ(record.kind, Kind::leader);
    EXPECT_EQ(record.cause, Cause::switchover);
    EXPECT_EQ(record.from, "p1");
    EXPECT_EQ(record.to, "p2");
    EXPECT_NEAR(c.seconds(record.leaderless), 1.25, 0.01);
    EXPECT_EQ(record.summary,
              "leader p1 -> p2; no leader for 1.2 s; 3 sessions ended, 12 clients held (longest "
              "0.9 s), 0 refused: planned switchover");
    EXPECT_EQ(
        steps_of(record),
        "last_proven p1, doubted p1, doubted p1, member_left p1@rw, lock_free, leader_out p1, "
        "lock_taken p2, member_left p2@ro, promoted p2, member_joined p2@rw, first_session p2");
    EXPECT_NEAR(record.unix_of(record.began), 1'800'000'010.25, 0.01);
}

TEST(ClusterStoryTest, AnOldLeaderThatComesBackIsARecordOfItsOwn) {
    StoryCase c;
    switch_over(c);
    c.pass(5s);
    c.states.clear();
    c.cluster("p2").proves("p2").poll();
    c.pass(3s);
    ASSERT_EQ(c.records.size(), 2U);
    EXPECT_EQ(c.records[1].kind, Kind::members);
    EXPECT_THAT(c.records[1].words, HasSubstr("p1 joined ro"));
}

TEST(ClusterStoryTest, ALeaderThatIsStopped) {
    StoryCase c;
    c.pass(10s).cluster("p1").proves("p1").poll();
    c.after(300ms).hangs("p1");
    c.after(1'200ms).cluster("").refuses("p1");
    c.after(600ms).cluster("");
    c.states["p1"] = "stopped";
    c.after(500ms).cluster("").after(100ms).cluster("p2").after(150ms).proves("p2").poll();
    c.pass(5s);
    const Record record = c.only();
    EXPECT_EQ(record.cause, Cause::leader_stopped);
    EXPECT_THAT(record.words, StartsWith("leader stopped"));
    EXPECT_EQ(record.to, "p2");
}

/// Until p2 is promoted: Patroni forgets p1 once its lock and its entry have run out.
void run_out(StoryCase& c, void (*answer)(StoryCase&)) {
    for (int second = 0; second < 19; ++second) {
        c.after(1s).cluster("p1");
        answer(c);
        c.poll().counts();
    }
    c.gone = {"p1"};
    c.after(700ms).cluster("");
    answer(c);
    c.after(100ms).cluster("");
    c.after(500ms).cluster("").after(100ms).cluster("p2").after(50ms).proves("p2").poll();
    c.pass(5s);
}

TEST(ClusterStoryTest, ALeaderThatDied) {
    StoryCase c;
    c.pass(10s).cluster("p1").proves("p1").poll();
    c.after(100ms).refuses("p1").after(1s).unreachable = "connection refused";
    c.look();
    run_out(c, [](StoryCase& each) {
        each.refuses("p1");
        if (each.evidence.view().leader.member.empty())
            each.unreachable.clear();
    });
    const Record record = c.only();
    EXPECT_EQ(record.cause, Cause::leader_died);
    EXPECT_EQ(record.words, "leader died: its lock ran out after 20.8 s");
    // It has died when its API fell silent, and not when a client found out.
    EXPECT_NEAR(c.seconds(record.leaderless), 21.4, 0.2);
}

TEST(ClusterStoryTest, ALeaderWhoseApiIsFrozen) {
    StoryCase c;
    c.pass(10s).cluster("p1").proves("p1").poll();
    c.after(3s).hangs("p1");
    run_out(c, [](StoryCase& each) { each.hangs("p1"); });
    const Record record = c.only();
    EXPECT_EQ(record.cause, Cause::leader_frozen);
    EXPECT_THAT(record.words, StartsWith("the leader's API froze: its lock ran out after 2"));
    // Its PostgreSQL served all the time, until the lock was free.
    EXPECT_NEAR(c.seconds(record.leaderless), 0.7, 0.3);
}

TEST(ClusterStoryTest, AFrozenApiWhoseBacklogIsFull) {
    StoryCase c;
    c.pass(10s).cluster("p1").proves("p1").poll();
    c.after(3s).hangs("p1").after(3s).hangs("p1").after(3s).hangs("p1");
    run_out(c, [](StoryCase& each) { each.refuses("p1"); });
    EXPECT_EQ(c.only().cause, Cause::leader_frozen);
}

TEST(ClusterStoryTest, AHostThatLosesItsPowerDuringARequest) {
    StoryCase c;
    c.pass(10s).cluster("p1").proves("p1").poll();
    c.after(3s).hangs("p1");
    run_out(c, [](StoryCase& each) { each.refuses("p1"); });
    EXPECT_EQ(c.only().cause, Cause::leader_died);
}

TEST(ClusterStoryTest, SessionsThatFailedBeforeTheViewSaidSoCount) {
    StoryCase c;
    c.pass(10s).cluster("p1").proves("p1").poll();
    const auto now = Clock::time_point{1h} + 10s;
    c.unreachable = "the database system is shutting down";
    c.unreachable_since = now + 200ms;
    c.after(1s).cluster("p1").refuses("p1").after(200ms).unreachable.clear();
    c.unreachable_since.reset();
    c.cluster("").refuses("p1").after(600ms).cluster("");
    c.after(200ms).cluster("p2").proves("p2").poll().pass(5s);
    const Record record = c.only();
    EXPECT_EQ(record.began, now + 200ms);
    EXPECT_NEAR(c.seconds(record.leaderless), 1.8, 0.01);
}

TEST(ClusterStoryTest, AFrozenApiThatThawsInTime) {
    StoryCase c;
    c.pass(10s).cluster("p1").proves("p1").poll();
    c.after(3s).hangs("p1").pass(5s).cluster("p1").hangs("p1").poll();
    c.pass(4s).cluster("p1").proves("p1").poll().pass(4s);
    const Record record = c.only();
    EXPECT_EQ(record.cause, Cause::api_silent);
    EXPECT_EQ(record.leaderless, 0s);
    EXPECT_THAT(record.summary, StartsWith("leader p1 stayed; 0 sessions"));
    EXPECT_THAT(record.words, HasSubstr("p1's API did not answer"));
}

TEST(ClusterStoryTest, ASlowAnswerThatNobodyNoticedIsNoRecord) {
    StoryCase c;
    c.pass(10s).cluster("p1").proves("p1").poll();
    c.after(300ms).refuses("p1");
    EXPECT_TRUE(c.story.open());
    c.after(200ms).proves("p1").poll().pass(5s);
    EXPECT_THAT(c.records, IsEmpty());
    EXPECT_FALSE(c.story.open());
}

TEST(ClusterStoryTest, AnApiThatStaysSilentIsToldOnce) {
    StoryCase c;
    c.pass(10s).cluster("p1").proves("p1").poll();
    c.after(3s).refuses("p1");
    for (int minute = 0; minute < 5; ++minute)
        c.pass(60s).cluster("p1").refuses("p1").poll();
    EXPECT_EQ(c.only().cause, Cause::api_silent);
    EXPECT_FALSE(c.story.open());
}

TEST(ClusterStoryTest, ALagWaveIsOneRecord) {
    StoryCase c;
    c.pass(10s);
    c.out_of_ro = {{"p2", "lag of 50000000 bytes is over 16777216"},
                   {"p3", "lag of 51000000 bytes is over 16777216"}};
    c.ports["ro"].ended = 7;
    c.cluster("p1").proves("p1").poll().pass(30s).cluster("p1").proves("p1").poll();
    c.out_of_ro.clear();
    c.after(10s).cluster("p1").proves("p1").poll().pass(4s);
    const Record record = c.only();
    EXPECT_EQ(record.kind, Kind::members);
    EXPECT_EQ(record.cause, Cause::lag);
    EXPECT_THAT(record.summary,
                AllOf(StartsWith("p2, p3 left ro: replication lag: lag of 50000000 bytes"),
                      HasSubstr("back after 40.0 s"), HasSubstr("7 sessions ended")));
}

TEST(ClusterStoryTest, AMemberThatStaysAwayDoesNotKeepItsRecordOpen) {
    StoryCase c;
    c.pass(10s);
    c.states["p3"] = "stopped";
    c.cluster("p1").proves("p1").poll().pass(62s);
    EXPECT_EQ(c.only().words, "p3 left ro: state is stopped");
    EXPECT_EQ(c.records.front().ports.front().left, std::vector<std::string>{"p3"});
}

TEST(ClusterStoryTest, ALeaderThatHoldsItsLockWhileItStopsHasNotFailed) {
    StoryCase c;
    c.pass(10s).cluster("p1").proves("p1").poll();
    c.states["p1"] = "stopping";
    c.after(300ms).cluster("p1").denies("p1");
    c.after(600ms).cluster("").denies("p1");
    c.after(300ms).cluster("p2").proves("p2").poll();
    c.pass(5s);
    EXPECT_EQ(c.only().cause, Cause::switchover);
}

TEST(ClusterStoryTest, ALeaderWhosePostgresFailsForGood) {
    StoryCase c;
    c.pass(10s).cluster("p1").proves("p1").poll();
    c.states["p1"] = "start failed";
    c.after(300ms).cluster("p1").denies("p1");
    c.after(600ms).cluster("").denies("p1");
    c.after(300ms).cluster("p2").proves("p2").poll();
    c.pass(5s);
    EXPECT_EQ(c.only().cause, Cause::leader_crashed);
}

TEST(ClusterStoryTest, AMaintenancePauseChangesNothing) {
    StoryCase c;
    c.pass(10s).paused = true;
    c.cluster("p1").proves("p1").poll().pass(30s);
    // The lock runs out, and nobody takes it over.
    c.cluster("").observe_primary_without_lock("p1").poll().pass(30s);
    EXPECT_THAT(c.records, IsEmpty());
    EXPECT_FALSE(c.story.open());
}

TEST(ClusterStoryTest, AClusterThatNobodyEverLed) {
    StoryCase c(StoryCase::kNothingYet);
    c.cluster("").poll().pass(5s);
    ASSERT_TRUE(c.story.open());
    EXPECT_EQ(c.story.open()->cause, Cause::no_leader);
    EXPECT_THAT(c.story.open()->words, HasSubstr("there is no leader: Patroni shows no leader"));
    EXPECT_THAT(c.records, IsEmpty());
    c.cluster("p2").proves("p2").poll().pass(4s);
    EXPECT_THAT(c.only().summary, StartsWith("leader none -> p2; no leader for "));
}

TEST(ClusterStoryTest, TheFirstLeaderIsNoChange) {
    StoryCase c;
    c.pass(10s);
    EXPECT_THAT(c.records, IsEmpty());
    ASSERT_EQ(c.changes.size(), 1U);
    EXPECT_EQ(c.changes.front().leader, "p1");
}

TEST(ClusterStoryTest, FlappingIsOneRecord) {
    StoryCase c;
    c.pass(10s);
    const std::vector<std::string> leaders{"p2", "p1", "p2", "p1"};
    std::string old = "p1";
    for (const auto& next : leaders) {
        c.after(300ms).cluster("").denies(old).after(600ms).cluster("");
        c.after(300ms).cluster(next).proves(next).poll();
        old = next;
    }
    c.pass(5s);
    const Record record = c.only();
    EXPECT_EQ(record.cause, Cause::flapping);
    EXPECT_THAT(record.words, HasSubstr("changed 4 times: p1 none p2 none p1"));
}

TEST(ClusterStoryTest, ALeaderWhosePostgresFailsAndComesBack) {
    StoryCase c;
    c.pass(10s).cluster("p1").proves("p1").poll();
    c.after(100ms).unreachable = "connection refused";
    c.look().pass(4s).unreachable.clear();
    c.cluster("p1").proves("p1").poll().pass(4s);
    const Record record = c.only();
    EXPECT_EQ(record.cause, Cause::backend_unreachable);
    EXPECT_NEAR(c.seconds(record.leaderless), 4.0, 0.01);
    EXPECT_EQ(record.words,
              "p1's PostgreSQL accepted no sessions (connection refused); it stayed leader");
}

TEST(ClusterStoryTest, AReInitializedCluster) {
    StoryCase c;
    c.pass(10s).cluster("p1").proves("p1").poll();
    c.after(1s).cluster("").denies("p1");
    c.after(1s).cluster("p1").proves("p1");
    c.reinitialized().pass(4s);
    EXPECT_EQ(c.only().cause, Cause::reinitialized);
}

TEST(ClusterStoryTest, HooksHearOfEachChangeAtOnce) {
    StoryCase c;
    switch_over(c);
    std::string heard;
    for (const auto& change : c.changes)
        heard += change.what == Change::What::leader ? "leader=" + change.leader + " "
                                                     : change.port + " ";
    EXPECT_EQ(heard, "leader=p1 rw leader= ro leader=p2 rw ");
}

TEST(ClusterStoryTest, StepsAreBounded) {
    StoryCase c;
    c.pass(10s);
    for (int i = 0; i < 200; ++i) {
        c.after(100ms);
        c.out_of_ro = i % 2 == 0 ? std::map<std::string, std::string>{{"p2", "lag of 1"}}
                                 : std::map<std::string, std::string>{};
        c.look();
    }
    ASSERT_TRUE(c.story.open());
    EXPECT_EQ(c.story.open()->steps.size(), Record::kMostSteps);
    EXPECT_GT(c.story.open()->steps_left_out, 50U);
}

}  // namespace
}  // namespace proxy::history
