// What counts as an answer, and how often a watcher asks for one.

#include <filesystem>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster_watcher_fixture.h"
#include "support/fakes/fake_backend.h"

namespace patroni::watcher_tests {
namespace {

TEST_F(ClusterWatcherTest, WithoutALeaderAnAnswerWithoutMembersCounts) {
    both_answer({});
    auto watcher = started(both());
    EXPECT_TRUE(polls_.at(0).answered);
    EXPECT_EQ(polls_.at(0).errors, "");
}

TEST_F(ClusterWatcherTest, AFailedPollTellsWhyOfEveryHostAndLeavesTheViewAlone) {
    a_.stop();
    b_.answer("/cluster", {.status = 503});
    auto watcher = started(both());
    const auto poll = polls_.at(0);
    EXPECT_FALSE(poll.answered);
    EXPECT_EQ(poll.host, "");
    EXPECT_THAT(poll.errors, HasSubstr(a_.url() + ": "));
    EXPECT_THAT(poll.errors, HasSubstr("connection refused"));
    EXPECT_THAT(poll.errors, HasSubstr(b_.url() + ": status 503 Service Unavailable"));
    EXPECT_THAT(poll.errors, HasSubstr("; "));
    EXPECT_EQ(views_.count(), 0U);
}

TEST_F(ClusterWatcherTest, OnlyAWholeClusterIsAGoodAnswer) {
    ClusterWatcher watcher(only_a(), views_.callback(), polls_.callback());
    a_.answer("/cluster",
              {.body = cluster_of({leader("p1")}), .fault = Fault::truncate, .truncate_after = 30});
    watcher.start();
    EXPECT_THAT(polls_.at(0).errors, HasSubstr("the answer is not JSON"));

    const std::vector<std::pair<support::Answer, std::string>> cases{
        {{.body = ""}, "the answer is not JSON"},
        {{.body = "[]"}, "the answer is not a JSON object"},
        {{.status = 404, .body = cluster_of({leader("p1")})}, "status 404 Not Found"},
        {{.fault = Fault::close_without_answer}, a_.url() + ": "},
    };
    for (const auto& [answer, reason] : cases) {
        a_.answer("/cluster", answer);
        const auto poll = poll_now(watcher);
        EXPECT_FALSE(poll.answered) << reason;
        EXPECT_THAT(poll.errors, HasSubstr(reason));
    }
    EXPECT_EQ(views_.count(), 0U);
}

TEST_F(ClusterWatcherTest, RecoversFromFailedPolls) {
    a_.stop();
    auto watcher = started(only_a(1ms));
    EXPECT_FALSE(polls_.at(2).answered);
    a_.start();
    EXPECT_TRUE(poll_now(watcher).answered);
    EXPECT_EQ(first_member_of(views_.last()), "p1");
}

TEST_F(ClusterWatcherTest, PollsAreAnIntervalApart) {
    constexpr auto interval = 60ms;
    ClusterWatcher watcher(only_a(interval), views_.callback(), polls_.callback());
    const auto start = Clock::now();
    watcher.start();
    a_.wait_for_requests("/cluster", 5);
    // A tenth of it is chance. From the start on, a busy machine can only make requests later;
    // two that follow each other it can bring closer together.
    auto asked = a_.request_log();
    std::erase_if(asked, [](const auto& request) { return request.path != "/cluster"; });
    EXPECT_GE(asked.at(4).time - start, 4 * interval * 9 / 10);
}

TEST_F(ClusterWatcherTest, APollAsksEachApiOnceAndOneAfterTheOther) {
    // One API is host and leader; the replica's is asked nothing.
    FakePatroni idle;
    a_.answer_cluster(cluster_of({leader("p1", api_url_of(a_)), replica("p2", api_url_of(idle))}));
    proves(a_);
    auto watcher = polled(only_a());
    for (int i = 0; i < 20; ++i)
        (void)poll_now(watcher);
    EXPECT_EQ(a_.requests("/cluster"), polls_.count());
    EXPECT_EQ(a_.requests("/primary"), polls_.count());
    EXPECT_EQ(a_.request_log().size(), 2 * polls_.count());
    EXPECT_EQ(a_.max_concurrent(), 1U);
    EXPECT_EQ(idle.request_log().size(), 0U);
    a_.wait_for_open_connections(0);
}

TEST_F(ClusterWatcherTest, AnApiHasOneRequestInFlightHoweverSlowItIs) {
    // It takes longer than a poll waits for it.
    a_.answer_cluster(cluster_of({leader("p1", api_url_of(b_))}));
    b_.answer("/primary", {.body = self_report("primary"), .delay = 1'200ms});
    auto watcher = started(only_a(10ms));
    (void)views_.first(led_by("p1"), "p1 to prove itself");
    a_.wait_for_requests("/cluster", 20);
    EXPECT_EQ(b_.max_concurrent(), 1U);
    watcher.stop();
    b_.wait_for_open_connections(0);
    a_.wait_for_open_connections(0);
}

TEST_F(ClusterWatcherTest, AnApiThatIsSlowToFailIsAskedLessInAlert) {
    constexpr auto delay = 12ms;
    a_.answer_cluster(cluster_of({replica("p1")}));  // nobody leads
    auto watcher = polled(only_a(1h));
    a_.answer("/cluster", {.status = 503, .delay = delay});
    const auto before = a_.requests("/cluster");
    a_.wait_for_requests("/cluster", before + 3);
    const auto log = a_.request_log();
    // A twentieth of its time is ours, and a twentieth of that is chance. A busy machine can only
    // make it later.
    EXPECT_GE(log.at(log.size() - 1).time - log.at(log.size() - 2).time, 20 * delay * 19 / 20);
}

TEST_F(ClusterWatcherTest, MembersAtAddressesThatNeverAnswerDoNotAddUp) {
    const support::FakeBackend silent({.ip = "0.0.0.0", .greeting = false, .echo = false});
    auto name_another = [&, number = 0]() mutable {
        const std::string n = std::to_string(++number);
        a_.answer_cluster(cluster_of({leader(
            "p" + n, "http://127.0.3." + n + ":" + std::to_string(silent.port()) + "/patroni")}));
    };
    const auto threads = [] {
        return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
    };
    auto settings = only_a();
    settings.timeouts.total = 300ms;
    ClusterWatcher watcher(settings, views_.callback(), polls_.callback());
    name_another();
    watcher.start();
    (void)polls_.at(0);
    const auto before = threads();
    for (std::size_t i = 1; i <= 10; ++i) {
        name_another();
        (void)polls_.at(i);
    }
    EXPECT_LT(threads() - before, 8) << "two for each that is still asked";
}

}  // namespace
}  // namespace patroni::watcher_tests
