// poll_now().

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster_watcher_fixture.h"

namespace patroni::watcher_tests {
namespace {

TEST_F(ClusterWatcherTest, PollNowBeginsAfterTheCallEvenIfAPollIsUnderWay) {
    a_.hold("/cluster");
    auto watcher = started(only_a());
    a_.wait_for_requests("/cluster", 1);
    // What the poll under way learns may be older than what the caller knows.
    watcher.poll_now(asked_.callback());
    a_.release("/cluster");
    EXPECT_TRUE(asked_.at(0).answered);
    EXPECT_EQ(a_.requests("/cluster"), 2U);
    EXPECT_EQ(asked_.count(), 1U);
    EXPECT_EQ(polls_.count(), 2U);
}

TEST_F(ClusterWatcherTest, OnePollServesEveryEarlierRequestForOne) {
    a_.hold("/cluster");
    auto watcher = started(only_a());
    a_.wait_for_requests("/cluster", 1);
    for (int i = 0; i < 10; ++i)
        watcher.poll_now(asked_.callback());
    a_.release("/cluster");
    (void)asked_.at(9);
    EXPECT_EQ(a_.requests("/cluster"), 2U);
}

TEST_F(ClusterWatcherTest, PollNowIsAnsweredAfterTheViewsAndTheResult) {
    p1_leads_at_b();
    auto watcher = polled(only_a());
    const auto views_before = views_.count();
    Recorder<Poll> told;
    watcher.poll_now([&](const Poll& poll) {
        EXPECT_EQ(polls_.count(), 2U);
        EXPECT_EQ(views_.count(), views_before + 2) << "/cluster and /primary";
        told.callback()(poll);
    });
    EXPECT_EQ(told.at(0).host, a_.url());
}

TEST_F(ClusterWatcherTest, PollNowBeforeTheStartGetsTheFirstPoll) {
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.poll_now(asked_.callback());
    watcher.start();
    EXPECT_TRUE(asked_.at(0).answered);
    EXPECT_EQ(a_.requests("/cluster"), 1U);
}

TEST_F(ClusterWatcherTest, APushIsFollowedByASecondPoll) {
    p1_leads_at_b();
    auto watcher = polled(only_a(1h));
    watcher.poll_now(asked_.callback());
    (void)asked_.at(0);
    (void)polls_.at(2);
    EXPECT_EQ(a_.requests("/cluster"), 3U);
}

TEST_F(ClusterWatcherTest, PollNowInALoopIsThrottled) {
    p1_leads_at_b();
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    const auto start = Clock::now();
    watcher.start();
    for (int i = 0; i < 5; ++i)
        EXPECT_TRUE(poll_now(watcher).answered);
    EXPECT_GE(Clock::now() - start, 4 * 100ms);
}

TEST_F(ClusterWatcherTest, PollNowWithoutAStartFailsAtTheStop) {
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.poll_now(asked_.callback());
    watcher.stop();
    EXPECT_FALSE(asked_.at(0).answered);
}

TEST_F(ClusterWatcherTest, PollNowAfterStopFailsAtOnce) {
    auto watcher = started(only_a());
    watcher.stop();
    watcher.poll_now(asked_.callback());
    ASSERT_EQ(asked_.count(), 1U);
    EXPECT_EQ(asked_.at(0).errors, "shutting down");
}

}  // namespace
}  // namespace patroni::watcher_tests
