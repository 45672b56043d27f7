// Records of what is no change of leader: Patroni does not answer, clients wait or are refused.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/proxy/history/story/story_case.h"

namespace proxy::history {
namespace {

using testing::EndsWith;
using testing::IsEmpty;

TEST(OutageStoryTest, TheStoreIsDownAndTheLeaderStepsDown) {
    StoryCase c;
    c.pass(10s).cluster("p1").proves("p1").poll();
    c.after(3s).proves("p1").poll_fails(true);
    c.after(3s).poll_fails(true);
    c.after(200ms).denies("p1", "starting").after(600ms).denies("p1", "starting");
    c.after(3s).poll_fails(true);
    ASSERT_TRUE(c.story.open());
    EXPECT_EQ(c.story.open()->words,
              "Patroni runs on all members but cannot answer /cluster: is its store (etcd) down? "
              "p1 stopped taking writes");
    EXPECT_FALSE(c.story.open()->ended);
    c.pass(6s).cluster("p1").proves("p1").poll().pass(4s);
    const Record record = c.only();
    EXPECT_EQ(record.kind, Kind::leader);
    EXPECT_EQ(record.cause, Cause::store_down);
    EXPECT_EQ(record.to, "p1");
    EXPECT_THAT(record.words, EndsWith("p1 stopped taking writes, and leads again"));
    EXPECT_GT(record.leaderless, 8s);
}

TEST(OutageStoryTest, TheStoreIsDownAndAnotherMemberLeadsAfterwards) {
    StoryCase c;
    c.pass(10s).cluster("p1").proves("p1").poll();
    c.after(6s).poll_fails(true, 6s);
    c.after(200ms).denies("p1", "starting").after(600ms).denies("p1", "starting");
    c.pass(6s).cluster("").denies("p1", "running").poll();
    c.after(600ms).cluster("p2").proves("p2").poll().pass(4s);
    const Record record = c.only();
    EXPECT_EQ(record.to, "p2");
    EXPECT_EQ(record.cause, Cause::store_down);
    EXPECT_THAT(record.words, EndsWith("p1 stopped taking writes"));
}

TEST(OutageStoryTest, TheStoreIsDownAndTheLeaderGoesOn) {
    StoryCase c;
    c.pass(10s).cluster("p1").proves("p1").poll();
    for (int i = 0; i < 4; ++i)
        c.after(3s).proves("p1").poll_fails(true);
    c.after(3s).cluster("p1").proves("p1").poll().pass(4s);
    const Record record = c.only();
    EXPECT_EQ(record.kind, Kind::patroni);
    EXPECT_EQ(record.cause, Cause::store_down);
    EXPECT_THAT(record.words, EndsWith("p1 went on as leader"));
    EXPECT_EQ(record.leaderless, 0s);
    EXPECT_EQ(steps_of(record), "patroni_silent, patroni_answers");
}

TEST(OutageStoryTest, OnePollThatFailsAfterALongTimeIsOne) {
    StoryCase c;
    c.pass(10s).cluster("p1").proves("p1").poll();
    c.after(6s).poll_fails(true, 6s).after(1s).cluster("p1").proves("p1").poll().pass(4s);
    const Record record = c.only();
    EXPECT_EQ(record.kind, Kind::patroni);
    EXPECT_EQ(record.cause, Cause::store_down);
    EXPECT_NEAR(c.seconds(*record.ended - record.began), 7, 0.1);
}

TEST(OutageStoryTest, OnePollThatFailsIsNoIncident) {
    StoryCase c;
    c.pass(10s).poll_fails(false).pass(3s).cluster("p1").proves("p1").poll().pass(5s);
    EXPECT_THAT(c.records, IsEmpty());
    EXPECT_FALSE(c.story.open());
}

TEST(OutageStoryTest, ClientsThatAreTurnedAwayMakeAWave) {
    StoryCase c;
    c.pass(10s);
    c.ports["rw"].refused["port_full"] = 5;
    c.counts();
    // Not every second.
    for (int i = 0; i < 3; ++i) {
        c.ports["rw"].refused["port_full"] += 10;
        c.pass(12s);
    }
    EXPECT_TRUE(c.records.empty());
    ASSERT_TRUE(c.story.open());
    c.pass(31s);
    const Record record = c.only();
    EXPECT_EQ(record.kind, Kind::clients);
    EXPECT_EQ(
        record.summary,
        "clients of rw were refused: port_full; 0 sessions ended, 0 clients held, 35 refused");
    EXPECT_EQ(record.ports.front().refused.at("port_full"), 35U);
    EXPECT_NEAR(c.seconds(*record.ended - record.began), 25, 1.5);
}

TEST(OutageStoryTest, ClientsThatWaitForLongAreOneWave) {
    StoryCase c;
    c.pass(10s);
    c.ports["rw"].held = 3;
    c.ports["rw"].waiting = 3;
    c.pass(300s);
    EXPECT_THAT(c.records, IsEmpty());
    ASSERT_TRUE(c.story.open());
    EXPECT_EQ(c.story.open()->words, "clients of rw had to wait");
    c.ports["rw"].waiting = 0;
    c.ports["rw"].longest_held = 301;
    c.pass(35s);
    EXPECT_EQ(c.only().ports.front().longest_held, 301);
}

TEST(OutageStoryTest, ClientsThatAreRefusedJustBeforeTheFirstSignBelongToTheFailover) {
    StoryCase c;
    c.pass(10s).cluster("p1").proves("p1").poll();
    c.ports["rw"].refused["no_backend"] = 4;
    c.after(1s).counts();
    c.after(1s).cluster("").denies("p1").after(600ms).cluster("");
    c.after(300ms).cluster("p2").proves("p2").poll().pass(5s);
    const Record record = c.only();
    EXPECT_EQ(record.kind, Kind::leader);
    EXPECT_EQ(record.ports.front().refused.at("no_backend"), 4U);
}

TEST(OutageStoryTest, AnOlderWaveHasARecordOfItsOwn) {
    StoryCase c;
    c.pass(10s);
    c.ports["rw"].refused["port_full"] = 4;
    c.pass(8s).cluster("p1").proves("p1").poll();
    c.after(1s).cluster("").denies("p1").after(600ms).cluster("");
    c.after(300ms).cluster("p2").proves("p2").poll().pass(5s);
    ASSERT_EQ(c.records.size(), 2U);
    EXPECT_EQ(c.records[0].kind, Kind::clients);
    EXPECT_EQ(c.records[1].kind, Kind::leader);
    EXPECT_EQ(total_of(c.records[1]).refused_in_all(), 0U);
}

TEST(OutageStoryTest, RefusalsThatAreMeantMakeNoWave) {
    StoryCase c;
    c.pass(10s);
    c.ports["rw"].refused["not_allowed"] = 100;
    c.ports["rw"].refused["port_disabled"] = 100;
    c.ports["rw"].held = 5;
    c.ports["rw"].longest_held = 0.02;
    c.pass(5s);
    EXPECT_THAT(c.records, IsEmpty());
    EXPECT_FALSE(c.story.open());
}

}  // namespace
}  // namespace proxy::history
