#include "patroni/cluster_watcher.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/cluster_json.h"
#include "support/fake_patroni.h"
#include "support/wait.h"

namespace patroni {
namespace {

using namespace std::chrono_literals;
using support::ClusterJson;
using support::FakePatroni;
using support::Fault;
using testing::HasSubstr;
using testing::StartsWith;
using Clock = std::chrono::steady_clock;

constexpr auto kNever = 1h;  // as an interval: after the first round only poll_now() begins one
constexpr RestClient::Timeouts kPatient{.connect = 60s, .total = 60s};
constexpr auto kSoon = 10s;  // where the alternative is a minute

/// Keeps what a watcher tells, from its thread to the test's.
class Recorder {
  public:
    ClusterWatcher::OnPoll callback() {
        return [this](const PollResult& result) {
            const std::lock_guard lock(mutex_);
            results_.push_back(result);
            changed_.notify_all();
        };
    }

    /// The `n`th result, counted from 0; waits for it.
    PollResult result(std::size_t n) {
        std::unique_lock lock(mutex_);
        support::wait_until(
            lock, changed_, support::default_timeout, [&] { return results_.size() > n; },
            "result " + std::to_string(n), [&] { return std::to_string(results_.size()); });
        return results_[n];
    }

    std::size_t count() {
        const std::lock_guard lock(mutex_);
        return results_.size();
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<PollResult> results_;
};

std::string cluster_with(const std::string& name) {
    return ClusterJson()
        .member({.name = name, .role = "leader", .state = "running", .host = "127.0.0.11"})
        .str();
}

std::string first_member_of(const PollResult& result) {
    return result.snapshot ? result.snapshot->members.at(0).name : "no snapshot";
}

/// Two hosts that answer, and settings to watch them.
class ClusterWatcherTest : public testing::Test {
  protected:
    ClusterWatcherTest() {
        for (FakePatroni* each : {&a_, &b_})
            each->answer_cluster(cluster_with("p1"));
    }

    ClusterWatcher::Settings both(std::chrono::milliseconds interval = kNever) const {
        return {.hosts = {endpoint_of(a_), endpoint_of(b_)},
                .interval = interval,
                .timeouts = kPatient};
    }
    ClusterWatcher::Settings only_a(std::chrono::milliseconds interval = kNever) const {
        return {.hosts = {endpoint_of(a_)}, .interval = interval, .timeouts = kPatient};
    }

    static Endpoint endpoint_of(const FakePatroni& patroni) {
        return Endpoint::parse(patroni.url()).value();
    }
    FakePatroni& at(const std::string& url) { return url == a_.url() ? a_ : b_; }
    FakePatroni& other_than(const std::string& url) { return url == a_.url() ? b_ : a_; }

    FakePatroni a_;
    FakePatroni b_;
    Recorder polls_;
    Recorder asked_;
};

TEST_F(ClusterWatcherTest, ASnapshotSaysWhoGaveIt) {
    ClusterWatcher watcher(only_a(), polls_.callback());
    watcher.start();
    const auto result = polls_.result(0);
    EXPECT_EQ(first_member_of(result), "p1");
    EXPECT_EQ(result.host, a_.url());
    EXPECT_EQ(result.errors, "");
}

TEST_F(ClusterWatcherTest, StaysWithAHostWhileItAnswers) {
    ClusterWatcher watcher(both(1ms), polls_.callback());
    watcher.start();
    const std::string host = polls_.result(0).host;
    for (std::size_t i = 1; i < 20; ++i)
        EXPECT_EQ(polls_.result(i).host, host);
    EXPECT_EQ(other_than(host).requests("/cluster"), 0U);
}

TEST_F(ClusterWatcherTest, AsksTheNextHostInTheSameRoundAndStaysThere) {
    ClusterWatcher watcher(both(), polls_.callback());
    watcher.start();
    const std::string first = polls_.result(0).host;
    const std::string second = other_than(first).url();
    at(first).stop();
    watcher.poll_now(asked_.callback());
    EXPECT_EQ(asked_.result(0).host, second);
    EXPECT_EQ(first_member_of(asked_.result(0)), "p1");
    EXPECT_THAT(asked_.result(0).errors, StartsWith(first + ": "));
    EXPECT_THAT(asked_.result(0).errors, HasSubstr("Connection refused"));

    at(first).start();
    watcher.poll_now(asked_.callback());
    EXPECT_EQ(asked_.result(1).host, second);
    EXPECT_EQ(asked_.result(1).errors, "");
}

TEST_F(ClusterWatcherTest, ManyWatchersDoNotAllStartWithTheFirstHost) {
    // Each starts with either host: that 40 choose the same happens once in 500 billion runs.
    std::vector<std::unique_ptr<ClusterWatcher>> watchers;
    for (int i = 0; i < 40; ++i) {
        watchers.push_back(std::make_unique<ClusterWatcher>(both(), polls_.callback()));
        watchers.back()->start();
    }
    (void)polls_.result(39);
    EXPECT_GT(a_.requests("/cluster"), 0U);
    EXPECT_GT(b_.requests("/cluster"), 0U);
}

TEST_F(ClusterWatcherTest, AFailedRoundTellsWhyOfEveryHost) {
    a_.stop();
    b_.answer("/cluster", {.status = 503});
    ClusterWatcher watcher(both(), polls_.callback());
    watcher.start();
    const auto result = polls_.result(0);
    EXPECT_EQ(result.snapshot, nullptr);
    EXPECT_EQ(result.host, "");
    EXPECT_THAT(result.errors, HasSubstr(a_.url() + ": "));
    EXPECT_THAT(result.errors, HasSubstr("Connection refused"));
    EXPECT_THAT(result.errors, HasSubstr(b_.url() + ": status 503 Service Unavailable"));
    EXPECT_THAT(result.errors, HasSubstr("; "));
}

TEST_F(ClusterWatcherTest, OnlyAWholeClusterIsAGoodAnswer) {
    ClusterWatcher watcher(only_a(), polls_.callback());
    a_.answer("/cluster",
              {.body = cluster_with("p1"), .fault = Fault::truncate, .truncate_after = 30});
    watcher.start();
    EXPECT_THAT(polls_.result(0).errors, HasSubstr("the answer is not JSON"));

    const std::vector<std::pair<support::Answer, std::string>> cases{
        {{.body = ""}, "the answer is not JSON"},
        {{.body = "[]"}, "the answer is not a JSON object"},
        {{.status = 404, .body = cluster_with("p1")}, "status 404 Not Found"},
        {{.fault = Fault::close_without_answer}, "No message received"},
    };
    std::size_t round = 0;
    for (const auto& [answer, reason] : cases) {
        a_.answer("/cluster", answer);
        watcher.poll_now(asked_.callback());
        EXPECT_EQ(asked_.result(round).snapshot, nullptr) << reason;
        EXPECT_THAT(asked_.result(round).errors, HasSubstr(reason));
        ++round;
    }
}

TEST_F(ClusterWatcherTest, RecoversFromFailedRounds) {
    a_.stop();
    ClusterWatcher watcher(only_a(1ms), polls_.callback());
    watcher.start();
    EXPECT_EQ(polls_.result(2).snapshot, nullptr);
    a_.start();
    watcher.poll_now(asked_.callback());
    EXPECT_EQ(first_member_of(asked_.result(0)), "p1");
}

TEST_F(ClusterWatcherTest, PollNowBeginsAfterTheCallEvenIfAPollIsUnderWay) {
    a_.hold("/cluster");
    ClusterWatcher watcher(only_a(), polls_.callback());
    watcher.start();
    a_.wait_for_requests("/cluster", 1);
    // What the poll under way learns may be older than what the caller knows.
    watcher.poll_now(asked_.callback());
    a_.release("/cluster");
    (void)asked_.result(0);
    EXPECT_EQ(a_.requests("/cluster"), 2U);
    EXPECT_EQ(asked_.count(), 1U);
}

TEST_F(ClusterWatcherTest, OneRoundServesAllWhoAskedBeforeIt) {
    a_.hold("/cluster");
    ClusterWatcher watcher(only_a(), polls_.callback());
    watcher.start();
    a_.wait_for_requests("/cluster", 1);
    for (int i = 0; i < 10; ++i)
        watcher.poll_now(asked_.callback());
    a_.release("/cluster");
    (void)asked_.result(9);
    EXPECT_EQ(a_.requests("/cluster"), 2U);
}

TEST_F(ClusterWatcherTest, PollNowIsToldAfterOnPoll) {
    ClusterWatcher watcher(only_a(), polls_.callback());
    watcher.start();
    (void)polls_.result(0);
    Recorder told;
    watcher.poll_now([&](const PollResult& result) {
        EXPECT_EQ(polls_.count(), 2U);
        told.callback()(result);
    });
    EXPECT_EQ(told.result(0).snapshot, polls_.result(1).snapshot);
}

TEST_F(ClusterWatcherTest, StopEndsAStalledRequestAtOnce) {
    a_.answer("/cluster", {.fault = Fault::stall});
    ClusterWatcher watcher(only_a(), polls_.callback());
    watcher.start();
    a_.wait_for_requests("/cluster", 1);
    const auto start = Clock::now();
    watcher.stop();
    EXPECT_LT(Clock::now() - start, kSoon);
    EXPECT_EQ(polls_.result(0).snapshot, nullptr);
    EXPECT_THAT(polls_.result(0).errors, HasSubstr("shutting down"));
}

TEST_F(ClusterWatcherTest, StopEndsAWaitBetweenRoundsAtOnce) {
    ClusterWatcher watcher(only_a(), polls_.callback());
    watcher.start();
    (void)polls_.result(0);
    const auto start = Clock::now();
    watcher.stop();
    EXPECT_LT(Clock::now() - start, kSoon);
    EXPECT_EQ(polls_.count(), 1U);
}

TEST_F(ClusterWatcherTest, StopTellsThoseWhoStillWait) {
    a_.answer("/cluster", {.fault = Fault::stall});
    ClusterWatcher watcher(only_a(), polls_.callback());
    watcher.start();
    a_.wait_for_requests("/cluster", 1);
    watcher.poll_now(asked_.callback());
    watcher.poll_now(asked_.callback());
    watcher.stop();
    ASSERT_EQ(asked_.count(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(asked_.result(i).snapshot, nullptr);
        EXPECT_EQ(asked_.result(i).errors, "shutting down");
    }
    EXPECT_EQ(a_.requests("/cluster"), 1U);
}

TEST_F(ClusterWatcherTest, PollNowAfterStopIsToldAtOnce) {
    ClusterWatcher watcher(only_a(), polls_.callback());
    watcher.start();
    watcher.stop();
    watcher.poll_now(asked_.callback());
    ASSERT_EQ(asked_.count(), 1U);
    EXPECT_EQ(asked_.result(0).errors, "shutting down");
}

TEST_F(ClusterWatcherTest, RoundsAreAnIntervalApart) {
    constexpr auto interval = 60ms;
    ClusterWatcher watcher(only_a(interval), polls_.callback());
    watcher.start();
    a_.wait_for_requests("/cluster", 5);
    const auto log = a_.request_log();
    for (std::size_t i = 1; i < log.size(); ++i)
        // A tenth of it is chance; the request itself takes a moment to arrive.
        EXPECT_GE(log[i].time - log[i - 1].time, interval * 8 / 10);
}

}  // namespace
}  // namespace patroni
