// Live positions in the WAL.

#include <array>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster_watcher_fixture.h"

namespace patroni::watcher_tests {
namespace {

using testing::Pair;

TEST_F(ClusterWatcherTest, LivePositionsAreAskedOfEveryMemberThatRuns) {
    FakePatroni p3;
    auto stopped = replica("p3", api_url_of(p3));
    stopped.state = "stopped";
    a_.answer_cluster(
        cluster_of({leader("p1", api_url_of(a_)), replica("p2", api_url_of(b_)), stopped}));
    proves(a_);
    a_.answer("/patroni", {.body = self_report("primary", R"(, "xlog": {"location": 5000})")});
    b_.answer("/patroni", {.body = self_report("replica", R"(, "xlog": {"received_location": 5000,
                                                            "replayed_location": 3000})")});
    auto settings = only_a();
    settings.judged_by = {{.lag_source = LagSource::live}};
    auto watcher = polled(settings);
    EXPECT_THAT(views_.last().live_lag, ElementsAre(Pair("p1", 0), Pair("p2", 2000)));
    (void)poll_now(watcher);
    EXPECT_EQ(a_.requests("/patroni"), 2U);
    EXPECT_EQ(b_.requests("/patroni"), 2U);
    EXPECT_EQ(b_.request_log().size(), 2U);
    EXPECT_EQ(p3.request_log().size(), 0U);
    EXPECT_EQ(a_.max_concurrent(), 1U);
    a_.wait_for_open_connections(0);
}

TEST_F(ClusterWatcherTest, PositionsThatComeTogetherMakeOneView) {
    std::array<FakePatroni, 10> replicas;
    std::vector<ClusterMember> members{leader("p0", api_url_of(a_))};
    for (const FakePatroni& each : replicas)
        members.push_back(replica("p" + std::to_string(members.size()), api_url_of(each)));
    a_.answer_cluster(cluster_of(members));
    proves(a_);
    const std::string position = self_report("primary", R"(, "xlog": {"location": 5000})");
    a_.answer("/patroni", {.body = position});
    for (FakePatroni& each : replicas)
        each.answer("/patroni", {.body = position});
    auto settings = only_a();
    settings.judged_by = {{.lag_source = LagSource::live}};
    ClusterWatcher watcher(settings, views_.callback(), polls_.callback());
    const auto start = Clock::now();
    watcher.start();
    (void)views_.first(
        [&](const ClusterView& view) { return view.live_lag.size() == members.size(); },
        "the positions of all");
    // That of /cluster, that of /primary, and one for each tenth of a second.
    EXPECT_LE(views_.count(), 3U + static_cast<std::size_t>((Clock::now() - start) / 100ms));
}

TEST_F(ClusterWatcherTest, WithALimitPositionsAreAskedForWhereClusterTellsNoReplayLag) {
    proves(a_);
    const auto positions_of_p2 = [&](ClusterMember p2) {
        a_.answer_cluster(cluster_of({leader("p1", api_url_of(a_)), std::move(p2)}));
        auto settings = only_a();
        settings.judged_by = {{}, {.max_lag = 1'000}};
        const std::size_t before = b_.requests("/patroni");
        Recorder<Poll> polls;
        ClusterWatcher watcher(settings, views_.callback(), polls.callback());
        watcher.start();
        (void)polls.at(0);
        return b_.requests("/patroni") - before;
    };
    ClusterMember p2 = replica("p2", api_url_of(b_));
    EXPECT_EQ(positions_of_p2(p2), 1U);
    p2.extra = {{"replay_lag", "0"}};
    EXPECT_EQ(positions_of_p2(p2), 0U);
}

TEST_F(ClusterWatcherTest, WithoutLiveLagNoPositionsAreAsked) {
    a_.answer_cluster(cluster_of({leader("p1", api_url_of(a_)), replica("p2", api_url_of(b_))}));
    proves(a_);
    auto watcher = polled(only_a());
    EXPECT_EQ(a_.requests("/patroni"), 0U);
    EXPECT_EQ(b_.request_log().size(), 0U);
    EXPECT_THAT(views_.last().live_lag, testing::IsEmpty());
}

}  // namespace
}  // namespace patroni::watcher_tests
