// How a watcher learns who leads.

#include <chrono>
#include <ctime>
#include <iomanip>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster_watcher_fixture.h"
#include "patroni/verdict/evidence.h"

namespace patroni::watcher_tests {
namespace {

TEST_F(ClusterWatcherTest, TheLeaderProvesItselfThroughItsOwnApi) {
    p1_leads_at_b({replica("p2")});
    auto watcher = polled(only_a());
    EXPECT_EQ(views_.at(0).leader.member, "") << "/cluster alone does not make one";
    const auto view = views_.at(1);
    EXPECT_EQ(view.leader.member, "p1");
    EXPECT_EQ(view.leader.standing, Standing::eligible);
    EXPECT_EQ(view.leader.reason, "leader");
    EXPECT_THAT(view.warnings, testing::IsEmpty());
    EXPECT_EQ(b_.requests("/primary"), 1U);
}

TEST_F(ClusterWatcherTest, ALeaderWhoseApiIsUnknownLeadsByClusterAloneWithAWarning) {
    auto watcher = polled(only_a());
    const auto view = views_.last();
    EXPECT_EQ(view.leader.member, "p1");
    EXPECT_EQ(view.leader.standing, Standing::eligible);
    EXPECT_THAT(view.warnings,
                ElementsAre("p1 is leader by /cluster alone: its API does not answer: no api_url "
                            "in Patroni's answer"));
}

TEST_F(ClusterWatcherTest, ALeaderWhoseApiRefusesLeadsByClusterAloneWithAWarning) {
    both_answer({leader("p1", api_url_of(b_))});
    b_.stop();
    auto watcher = polled(only_a());
    const auto view = views_.last();
    EXPECT_EQ(view.leader.member, "p1");
    EXPECT_EQ(view.leader.standing, Standing::eligible);
    EXPECT_THAT(view.warnings,
                ElementsAre(testing::AllOf(StartsWith("p1 is leader by /cluster alone: "),
                                           HasSubstr("connection refused"))));
}

TEST_F(ClusterWatcherTest, ALeaderThatAnswersNonsenseLeadsByClusterAloneWithAWarning) {
    both_answer({leader("p1", api_url_of(b_))});
    b_.answer("/primary", {.body = "<html>"});
    auto watcher = polled(only_a());
    EXPECT_EQ(views_.last().leader.member, "p1");
    EXPECT_THAT(views_.last().warnings, ElementsAre(HasSubstr("the answer is not JSON")));
}

TEST_F(ClusterWatcherTest, ALockHolderLeadsOnceItIsPromoted) {
    both_answer({leader("p1", api_url_of(b_))});
    // The status turns before the promotion has finished.
    b_.answer("/primary", {.body = self_report("replica")});
    auto watcher = polled(only_a());
    EXPECT_EQ(views_.last().leader.member, "");
    EXPECT_EQ(views_.last().leader.reason,
              "p1 is shown as leader, but its API answers 200, role replica, state running");
    // Nobody asks for it: the watcher looks again soon, by itself.
    proves(b_);
    (void)views_.first(led_by("p1"), "p1 to lead");
}

TEST_F(ClusterWatcherTest, AChangeIsPolledAgainSoon) {
    p1_leads_at_b({replica("p2")});
    auto watcher = polled(only_a());
    a_.answer_cluster(cluster_of({leader("p1", api_url_of(b_))}));
    (void)poll_now(watcher);
    const auto first = views_.last().answered_at;
    // Nobody asks for it: the next is due in an hour. It goes on until there is an answer late
    // enough to be a second piece of evidence, and no longer.
    (void)views_.first(
        [&](const auto& view) { return view.answered_at - first >= Evidence::kConfirmAfter; },
        "a second answer");
    const auto polls = polls_.count();
    watcher.poll_now(asked_.callback());
    (void)asked_.at(0);
    EXPECT_LE(polls, 6U);
}

TEST_F(ClusterWatcherTest, ASwitchoverIsFollowedAsSoonAsTheNewLeaderProvesItself) {
    FakePatroni p1;
    FakePatroni p2;
    proves(p1);
    denies(p2);
    a_.answer_cluster(cluster_of({leader("p1", api_url_of(p1)), replica("p2", api_url_of(p2))}));
    auto watcher = started(only_a());
    (void)views_.first(led_by("p1"), "p1 to lead");
    denies(p1);
    proves(p2);
    a_.answer_cluster(cluster_of({replica("p1", api_url_of(p1)), leader("p2", api_url_of(p2))}));
    (void)poll_now(watcher);
    EXPECT_EQ(views_.last().leader.member, "p2");
    EXPECT_EQ(views_.last().leader.standing, Standing::eligible);
}

TEST_F(ClusterWatcherTest, TheLockHolderIsAskedUntilItIsPromoted) {
    both_answer({leader("p1", api_url_of(b_))});
    denies(b_);
    auto watcher = started(only_a(kNever));
    b_.wait_for_requests("/primary", 12);
    EXPECT_LE(2 * a_.requests("/cluster"), 12U) << "it is asked between the polls too";
    proves(b_);
    (void)views_.first(led_by("p1"), "p1 to lead");
}

TEST_F(ClusterWatcherTest, APlannedSwitchoverStartsAnAlert) {
    const auto planned_in = [this](std::chrono::seconds seconds) {
        const auto at =
            std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() + seconds);
        std::ostringstream json;
        json << R"({"at": ")" << std::put_time(std::gmtime(&at), "%FT%T+00:00") << "\"}";
        a_.answer_cluster(ClusterJson()
                              .member(leader("p1", api_url_of(b_)))
                              .extra("scheduled_switchover", json.str())
                              .str());
    };
    proves(b_);
    planned_in(3600s);
    auto watcher = polled(only_a(kNever));
    EXPECT_EQ(a_.requests("/cluster"), 1U) << "there is time";
    planned_in(3s);  // which is a second before it is near
    (void)poll_now(watcher);
    a_.wait_for_requests("/cluster", 12);  // a push alone is followed by three or four
}

TEST_F(ClusterWatcherTest, AFrozenLeaderDelaysNoPollOfTheCluster) {
    both_answer({leader("p1", api_url_of(b_))});
    b_.answer("/primary", {.fault = Fault::stall});
    auto watcher = started(only_a(20ms));
    // The first poll waits a second for it, the others not at all.
    const auto start = Clock::now();
    a_.wait_for_requests("/cluster", 12);
    EXPECT_LT(Clock::now() - start, 8s) << "each waited a second for it";
    EXPECT_EQ(b_.requests("/primary"), 1U);
    EXPECT_EQ(views_.last().leader.member, "") << "it may still deny it";
    // Its word counts whenever it comes.
    proves(b_);
    b_.release("/primary");
    (void)views_.first(led_by("p1"), "p1 to lead");
}

TEST_F(ClusterWatcherTest, ALeaderThatIsSilentForTheWholeTimeoutLeadsByClusterAlone) {
    both_answer({leader("p1", api_url_of(b_))});
    b_.answer("/primary", {.fault = Fault::stall});
    auto settings = only_a();
    settings.timeouts = {.connect = 300ms, .total = 300ms};
    auto watcher = started(settings);
    const auto view = views_.first(led_by("p1"), "p1 to lead");
    EXPECT_EQ(view.warnings.size(), 1U);
}

TEST_F(ClusterWatcherTest, APollThatTakesTheLeaderAwayDoesNotWaitForItsApi) {
    p1_leads_at_b({replica("p2")});
    auto watcher = polled(only_a(2s));
    b_.answer("/primary", {.fault = Fault::stall});
    a_.answer_cluster(cluster_of({replica("p1", api_url_of(b_)), replica("p2")}));
    const auto is_over = [](const Poll& poll) { return poll.took > 150ms; };
    const auto poll = polls_.first(is_over, "the poll that asks p1 in vain");
    EXPECT_LT(poll.took.count(), 1.0);
}

}  // namespace
}  // namespace patroni::watcher_tests
