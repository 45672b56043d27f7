// Trouble on the data path.

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster_watcher_fixture.h"

namespace patroni::watcher_tests {
namespace {

TEST_F(ClusterWatcherTest, TroubleThatChangesNothingIsThrottled) {
    p1_leads_at_b();
    auto watcher = polled(only_a(1h));
    // Each has some four polls follow it: heard at every moment they would be dozens.
    for (const auto end = Clock::now() + 1s; Clock::now() < end;) {
        watcher.report_trouble("p1", Trouble::ended);
        std::this_thread::yield();
    }
    EXPECT_LE(a_.requests("/cluster"), 8U);
}

TEST_F(ClusterWatcherTest, TroubleOnTheDataPathIsAReasonToAskAtOnceAndAgain) {
    p1_leads_at_b();
    auto watcher = polled(only_a(1h));
    for (int i = 0; i < 100; ++i)
        watcher.report_trouble("p1", Trouble::ended);
    (void)polls_.at(2);
    EXPECT_LE(a_.requests("/cluster"), 7U) << "of a hundred";
}

TEST_F(ClusterWatcherTest, RepeatedTroubleChecksTheLeaderOnly) {
    p1_leads_at_b();
    auto watcher = polled(only_a(1h));
    // A poll asks for /cluster first, and the leader once.
    support::eventually(
        [&] {
            watcher.report_trouble("p1", Trouble::ended);
            const auto looks = b_.requests("/primary");
            return looks > a_.requests("/cluster");
        },
        "the leader to be asked without a poll");
}

TEST_F(ClusterWatcherTest, ALeaderThatDoesNotAnswerACheckStartsAnAlert) {
    p1_leads_at_b();
    auto watcher = polled(only_a(1h));
    b_.answer("/primary", {.fault = Fault::stall});
    // Trouble is looked at for a second, but as long as it is silent this does not end.
    watcher.report_trouble("p1", Trouble::ended);
    a_.wait_for_requests("/cluster", 12);
    EXPECT_EQ(views_.last().leader.reason, "leader") << "until its silence is one";
}

TEST_F(ClusterWatcherTest, ACheckWithoutAnAnswerStartsAPoll) {
    p1_leads_at_b();
    auto watcher = polled(only_a(1h));
    // Until it is no news any more, and the alert for the first of it is over.
    support::eventually(
        [&] {
            watcher.report_trouble("p1", Trouble::ended);
            return b_.requests("/primary") > a_.requests("/cluster") + 2;
        },
        "the leader to be asked without a poll");
    const auto polls = a_.requests("/cluster");
    b_.answer("/primary", {.fault = Fault::stall});
    watcher.report_trouble("p1", Trouble::ended);
    a_.wait_for_requests("/cluster", polls + 2);
}

}  // namespace
}  // namespace patroni::watcher_tests
