// Which host a watcher asks.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster_watcher_fixture.h"

namespace patroni::watcher_tests {
namespace {

TEST_F(ClusterWatcherTest, AnAnswerThatSaysNothingIsAnErrorOfItsHostAndTheNextIsAsked) {
    for (const std::string nothing :
         {R"({"members": []})", R"({"members": [1, {"name": "p1", "role": "chief"}]})"}) {
        both_answer({leader("p1")});
        Recorder<Poll> polls;
        ClusterWatcher watcher(both(), views_.callback(), polls.callback());
        watcher.start();
        const std::string first = polls.at(0).host;
        at(first).answer_cluster(nothing);
        const Poll poll = poll_now(watcher);
        EXPECT_TRUE(poll.answered);
        EXPECT_EQ(poll.host, other_than(first).url());
        EXPECT_THAT(poll.errors, testing::StartsWith(first + ": "));
        EXPECT_EQ(views_.last().leader.member, "p1");
    }
}

TEST_F(ClusterWatcherTest, AResultSaysWhichHostAnswered) {
    auto watcher = started(only_a());
    const auto poll = polls_.at(0);
    EXPECT_TRUE(poll.answered);
    EXPECT_EQ(poll.host, a_.url());
    EXPECT_EQ(poll.errors, "");
    EXPECT_EQ(first_member_of(views_.at(0)), "p1");
}

TEST_F(ClusterWatcherTest, StaysWithAHostWhileItAnswers) {
    auto watcher = started(both(1ms));
    const std::string host = polls_.at(0).host;
    for (std::size_t i = 1; i < 20; ++i)
        EXPECT_EQ(polls_.at(i).host, host);
    EXPECT_EQ(other_than(host).requests("/cluster"), 0U);
}

TEST_F(ClusterWatcherTest, AsksTheNextHostInTheSamePollAndStaysThere) {
    auto watcher = started(both());
    const std::string first = polls_.at(0).host;
    const std::string second = other_than(first).url();
    at(first).stop();
    auto poll = poll_now(watcher);
    EXPECT_TRUE(poll.answered);
    EXPECT_EQ(poll.host, second);
    EXPECT_THAT(poll.errors, StartsWith(first + ": "));
    EXPECT_THAT(poll.errors, HasSubstr("connection refused"));

    at(first).start();
    poll = poll_now(watcher);
    EXPECT_EQ(poll.host, second);
    EXPECT_EQ(poll.errors, "");
}

TEST_F(ClusterWatcherTest, ManyWatchersDoNotAllStartWithTheFirstHost) {
    // Each starts with either host: that 40 choose the same happens once in 500 billion runs.
    std::vector<std::unique_ptr<ClusterWatcher>> watchers;
    for (int i = 0; i < 40; ++i) {
        watchers.push_back(
            std::make_unique<ClusterWatcher>(both(), views_.callback(), polls_.callback()));
        watchers.back()->start();
    }
    (void)polls_.at(39);
    EXPECT_GT(a_.requests("/cluster"), 0U);
    EXPECT_GT(b_.requests("/cluster"), 0U);
}

TEST_F(ClusterWatcherTest, MembersThatPatroniNamedAreAskedWhenAllHostsAreGone) {
    a_.answer_cluster(cluster_of({leader("p1", api_url_of(b_))}));
    proves(b_);
    auto watcher = started(only_a());
    EXPECT_EQ(polls_.at(0).host, a_.url());
    EXPECT_EQ(b_.requests("/cluster"), 0U);
    a_.stop();
    const auto poll = poll_now(watcher);
    EXPECT_EQ(poll.host, b_.url());
    EXPECT_THAT(poll.errors, StartsWith(a_.url() + ": "));
}

TEST_F(ClusterWatcherTest, AHostThatFailedComesLastForAWhile) {
    // As b_ is none of the hosts, it is asked first only because a_ has failed.
    a_.answer_cluster(cluster_of({leader("p1", api_url_of(b_))}));
    b_.answer_cluster(cluster_of({leader("p1", api_url_of(b_))}));
    proves(b_);
    auto watcher = polled(only_a());
    a_.stop();
    EXPECT_EQ(poll_now(watcher).host, b_.url());
    a_.start();
    const auto before = a_.requests("/cluster");
    const auto poll = poll_now(watcher);
    EXPECT_EQ(poll.host, b_.url());
    EXPECT_EQ(poll.errors, "");
    EXPECT_EQ(a_.requests("/cluster"), before);
    // It is still asked when there is nobody else.
    b_.stop();
    EXPECT_EQ(poll_now(watcher).host, a_.url());
}

TEST_F(ClusterWatcherTest, AFrozenHostIsPassedOverAndNotAskedAgain) {
    auto watcher = started(both());
    const std::string frozen = polls_.at(0).host;
    const std::string other = other_than(frozen).url();
    at(frozen).answer("/cluster", {.fault = Fault::stall});
    auto start = Clock::now();
    auto poll = poll_now(watcher);
    EXPECT_EQ(poll.host, other);
    EXPECT_TRUE(poll.answered);
    EXPECT_GE(Clock::now() - start, 190ms) << "a host that is merely slow has its time";
    EXPECT_LT(Clock::now() - start, kSoon);
    EXPECT_EQ(at(frozen).requests("/cluster"), 2U);

    start = Clock::now();
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(poll_now(watcher).host, other);
    EXPECT_LT(Clock::now() - start, 4s) << "each waited a second for it";
    EXPECT_EQ(at(frozen).requests("/cluster"), 2U) << "its answer is still awaited";
}

TEST_F(ClusterWatcherTest, ALateAnswerOfAHostThatWasPassedOverChangesNothing) {
    auto watcher = started(both());
    const std::string slow = polls_.at(0).host;
    at(slow).hold("/cluster");
    at(slow).answer_cluster(cluster_of({leader("of long ago")}));
    FakePatroni& other = other_than(slow);
    EXPECT_EQ(poll_now(watcher).host, other.url());
    // It comes in the middle of the next poll, which has asked somebody else.
    other.hold("/cluster");
    watcher.poll_now(asked_.callback());
    other.wait_for_requests("/cluster", 2);
    at(slow).release("/cluster");
    at(slow).wait_for_answers("/cluster", 2);
    other.release("/cluster");
    EXPECT_EQ(asked_.at(0).host, other.url());
    for (const auto& view : views_.all())
        EXPECT_EQ(first_member_of(view), "p1");
}

TEST_F(ClusterWatcherTest, AHostThatHangsIsNotAskedAnewInEveryPoll) {
    both_answer({leader("p1", api_url_of(a_)), replica("p2", api_url_of(b_))});
    proves(a_);
    auto watcher = polled(only_a(1h));
    a_.answer("/cluster", {.fault = Fault::stall});
    watcher.report_trouble("p1", Trouble::refused);
    b_.wait_for_requests("/cluster", 3);
    // Whatever a was asked meanwhile comes before the last of these.
    both_answer({leader("p1", api_url_of(a_)), replica("p2", api_url_of(b_))});
    a_.release("/cluster");
    a_.wait_for_requests("/primary", 3);
    EXPECT_LE(a_.requests("/cluster"), 3U) << "once more, if b was slow";
}

TEST_F(ClusterWatcherTest, AHostAndTheAddressThatPatroniNamesAreOneApi) {
    // b is asked for /cluster by name, and for /primary by address while that one is under way.
    const auto port = b_.url().substr(b_.url().rfind(':'));
    ClusterWatcher::Settings settings = only_a(10ms);
    settings.hosts = {Endpoint::parse("http://localhost" + port).value()};
    settings.access.resolver =
        std::make_shared<patroni::Resolver>([](const std::string&, patroni::Resolver::Family) {
            return patroni::Resolver::Addresses{"127.0.0.1"};
        });
    b_.answer_cluster(cluster_of({leader("p1", "http://127.0.0.1" + port + "/patroni")}));
    b_.answer("/primary", {.body = self_report("primary"), .delay = 1'200ms});
    auto watcher = started(std::move(settings));
    (void)views_.first(led_by("p1"), "p1 to prove itself");
    b_.wait_for_requests("/cluster", 2);
    EXPECT_EQ(b_.max_concurrent(), 1U);
}

}  // namespace
}  // namespace patroni::watcher_tests
