#include "daemon/report/leader_tally.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace daemons {
namespace {

using namespace std::chrono_literals;

/// A cluster with one member, in a time of its own.
class LeaderTallyTest : public testing::Test {
  protected:
    void view(const std::string& leader) {
        patroni::Member p1;
        p1.name = "p1";
        p1.role = head_;
        patroni::ClusterSnapshot snapshot;
        snapshot.members = {p1};
        patroni::ClusterView view;
        view.snapshot = std::make_shared<const patroni::ClusterSnapshot>(std::move(snapshot));
        view.leader.member = leader;
        tally_.on_view(view, now_);
    }
    [[nodiscard]] LeaderCounts counts() const { return tally_.counts(now_); }

    patroni::Role head_ = patroni::Role::leader;
    patroni::Clock::time_point now_{1h};
    LeaderTally tally_;
};

TEST_F(LeaderTallyTest, TheFirstLeaderIsNoChange) {
    view("");
    now_ += 1s;  // it has not been asked itself yet
    view("p1");
    view("p1");
    tally_.on_answered_poll(now_);
    EXPECT_EQ(counts().changes, 0U);
    EXPECT_EQ(counts().leaderless_seconds, 0);
    EXPECT_EQ(counts().leaderless_time.total(), 0U);
}

TEST_F(LeaderTallyTest, GoesOnInAnotherProcess) {
    view("p1");
    view("");
    now_ += 2s;
    LeaderTally next;
    next.go_on_with(tally_.state());
    tally_ = next;
    now_ += 3s;
    view("p2");
    EXPECT_EQ(counts().changes, 1U);
    EXPECT_EQ(counts().leaderless_seconds, 5);
    EXPECT_EQ(counts().leaderless_time.total(), 1U);
}

TEST_F(LeaderTallyTest, CountsAFailoverAndTheTimeWithoutALeader) {
    view("p1");
    now_ += 1s;
    view("");
    now_ += 500ms;
    view("");
    EXPECT_EQ(counts().leaderless_seconds, 0.5) << "it goes on";
    EXPECT_EQ(counts().leaderless_time.total(), 0U);
    now_ += 250ms;
    view("p2");
    now_ += 1h;
    EXPECT_EQ(counts().changes, 1U);
    EXPECT_EQ(counts().leaderless_seconds, 0.75);
    EXPECT_EQ(counts().leaderless_time.sum, 0.75);
    view("p1");
    EXPECT_EQ(counts().changes, 2U) << "one without a gap";
}

TEST_F(LeaderTallyTest, ALeaderThatComesBackIsNoChange) {
    view("p1");
    view("");
    now_ += 2s;
    view("p1");
    EXPECT_EQ(counts().changes, 0U);
    EXPECT_EQ(counts().leaderless_time.total(), 1U);
}

TEST_F(LeaderTallyTest, CountsFromTheFirstPollThatFindsNoLeader) {
    tally_.on_answered_poll(now_);
    view("");
    tally_.on_answered_poll(now_);
    now_ += 3s;
    EXPECT_EQ(counts().leaderless_seconds, 3);
}

TEST_F(LeaderTallyTest, AStandbyClusterNeedsNoLeader) {
    head_ = patroni::Role::standby_leader;
    view("");
    tally_.on_answered_poll(now_);
    now_ += 3s;
    EXPECT_EQ(counts().leaderless_seconds, 0);
    head_ = patroni::Role::leader;  // it is promoted
    view("p1");
    EXPECT_EQ(counts().changes, 0U);
}

}  // namespace
}  // namespace daemons
