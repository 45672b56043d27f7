// reconfigure(), ping() and stop().

#include <future>
#include <memory>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster_watcher_fixture.h"

namespace patroni::watcher_tests {
namespace {

TEST_F(ClusterWatcherTest, OtherHostsAreAskedAtOnceAndWhatIsKnownStays) {
    p1_leads_at_b();
    auto watcher = polled(only_a(1h));
    const auto requests = a_.requests("/cluster");
    ClusterWatcher::Settings settings = only_a(1h);
    settings.hosts = {Endpoint::parse(b_.url()).value()};
    Recorder<patroni::ClusterView> applied;
    watcher.reconfigure(std::move(settings), applied.callback());
    EXPECT_EQ(applied.at(0).leader.member, "p1");
    EXPECT_EQ(polls_.at(1).host, b_.url());
    EXPECT_EQ(a_.requests("/cluster"), requests);
}

TEST_F(ClusterWatcherTest, WhatWasAskedBeforeAReconfigurationDoesNotCountAfterIt) {
    // p1 has not answered for itself when its probe goes: that is no silence of p1.
    p1_leads_at_b();
    b_.hold("/primary");
    auto watcher = started(only_a(1h));
    b_.wait_for_requests("/primary", 1);
    watcher.poll_now(asked_.callback());
    watcher.reconfigure(only_a(1h), [](const auto& /*view*/) {});
    b_.wait_for_requests("/primary", 2);
    b_.release("/primary");
    EXPECT_TRUE(asked_.at(0).answered);
    EXPECT_EQ(views_.last().leader.member, "p1");
    for (const auto& view : views_.all())
        EXPECT_THAT(view.warnings, testing::IsEmpty());
}

TEST_F(ClusterWatcherTest, ASignOfLifeDoesNotWaitForTheNextPoll) {
    both_answer({leader("p1", api_url_of(a_))});
    proves(a_);
    auto watcher = started(only_a(kNever));
    // Longer than it is in alert after its start: then nothing else wakes it for an hour.
    for (int i = 0; i < 30; ++i) {
        std::promise<void> let_go;
        watcher.ping(
            std::shared_ptr<void>(nullptr, [&](void* /*nothing*/) { let_go.set_value(); }));
        ASSERT_EQ(let_go.get_future().wait_for(kSoon), std::future_status::ready) << i;
        std::this_thread::sleep_for(100ms);
    }
}

TEST_F(ClusterWatcherTest, AThreadThatIsStuckGivesNoSignOfLife) {
    std::promise<void> goes_on;
    std::promise<void> is_stuck;
    std::promise<void> let_go;
    bool was_stuck = false;
    ClusterWatcher watcher(
        only_a(),
        [&](const ClusterView&) {
            if (std::exchange(was_stuck, true))
                return;
            is_stuck.set_value();
            goes_on.get_future().wait();
        },
        polls_.callback());
    watcher.start();
    is_stuck.get_future().wait();
    auto alive = let_go.get_future();
    watcher.ping(std::shared_ptr<void>(nullptr, [&](void* /*nothing*/) { let_go.set_value(); }));
    EXPECT_EQ(alive.wait_for(0s), std::future_status::timeout);
    goes_on.set_value();
    EXPECT_EQ(alive.wait_for(kSoon), std::future_status::ready);
}

TEST_F(ClusterWatcherTest, AWatcherThatEndsOwesNoSignOfLife) {
    // A reload may end it between a ping and its answer.
    std::promise<void> let_go;
    auto is_let_go = let_go.get_future();
    {
        auto watcher = polled(only_a());
        watcher.stop();
        watcher.ping(
            std::shared_ptr<void>(nullptr, [&](void* /*nothing*/) { let_go.set_value(); }));
    }
    EXPECT_EQ(is_let_go.wait_for(0s), std::future_status::ready);
}

TEST_F(ClusterWatcherTest, StopEndsAStalledRequestAtOnce) {
    a_.answer("/cluster", {.fault = Fault::stall});
    auto watcher = started(only_a());
    a_.wait_for_requests("/cluster", 1);
    const auto start = Clock::now();
    watcher.stop();
    EXPECT_LT(Clock::now() - start, kSoon);
    EXPECT_EQ(views_.count(), 0U);
    a_.wait_for_open_connections(0);
}

TEST_F(ClusterWatcherTest, StopEndsStalledRequestsToMembersAtOnce) {
    both_answer({leader("p1", api_url_of(b_))});
    b_.answer("/primary", {.fault = Fault::stall});
    auto watcher = started(only_a());
    b_.wait_for_requests("/primary", 1);
    watcher.poll_now(asked_.callback());
    const auto start = Clock::now();
    watcher.stop();
    EXPECT_LT(Clock::now() - start, kSoon);
    EXPECT_EQ(asked_.count(), 1U);
    b_.wait_for_open_connections(0);
}

TEST_F(ClusterWatcherTest, StopEndsAWaitBetweenPollsAtOnce) {
    auto watcher = polled(only_a());
    const auto start = Clock::now();
    watcher.stop();
    EXPECT_LT(Clock::now() - start, kSoon);
    EXPECT_EQ(polls_.count(), 1U);
}

TEST_F(ClusterWatcherTest, StopAnswersEveryoneWhoStillWaits) {
    a_.answer("/cluster", {.fault = Fault::stall});
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    watcher.poll_now(asked_.callback());  // the poll under way is its
    watcher.start();
    a_.wait_for_requests("/cluster", 1);
    watcher.poll_now(asked_.callback());
    watcher.poll_now(asked_.callback());
    watcher.stop();
    ASSERT_EQ(asked_.count(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_FALSE(asked_.at(i).answered);
        EXPECT_EQ(asked_.at(i).errors, "shutting down");
    }
    EXPECT_EQ(a_.requests("/cluster"), 1U);
}

}  // namespace
}  // namespace patroni::watcher_tests
