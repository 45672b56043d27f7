#include "patroni_proxy/topology/topology_feed.h"

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "topology_feed_fixture.h"
#include "unit/proxy/logged.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using support::ClusterJson;
using testing::HasSubstr;

TEST_F(TopologyFeedTest, MakesATableForEveryPort) {
    TopologyFeed feed(settings(config(), kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(0), "p1 127.0.0.11:5432");
    EXPECT_EQ(table(0)->why_excluded(), "p2: role is replica");
    // The port of the configuration counts, not the one Patroni names.
    EXPECT_EQ(eligible(1), "p2 127.0.0.12:6543");
    EXPECT_EQ(table(1)->why_excluded(), "p1: it is the leader");
    EXPECT_EQ(eligible(2), "p1 127.0.0.11:5432, p2 127.0.0.12:5432");
}

TEST_F(TopologyFeedTest, FollowsASwitchoverWithinAnUpdate) {
    TopologyFeed feed(settings(config(), kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    answer({replica("p1", "127.0.0.11"), leader("p2", "127.0.0.12")});
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(0), "p2 127.0.0.12:5432");
    EXPECT_EQ(tolerated(0), "");
    EXPECT_EQ(eligible(1), "p1 127.0.0.11:6543");
    EXPECT_EQ(tolerated(1), "");
    EXPECT_EQ(eligible(2), "p1 127.0.0.11:5432, p2 127.0.0.12:5432");
}

TEST_F(TopologyFeedTest, AMemberThatVanishesIsToleratedFirstAndOutSoon) {
    answer({leader("p1", "127.0.0.11"), replica("p2", "127.0.0.12"), replica("p3", "127.0.0.13")});
    TopologyFeed feed(settings(config(), kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(1), "p2 127.0.0.12:6543, p3 127.0.0.13:6543");
    const auto p3 = table(1)->eligible[1];
    answer({leader("p1", "127.0.0.11"), replica("p2", "127.0.0.12")});
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(1), "p2 127.0.0.12:6543");
    EXPECT_EQ(table(1)->tolerated, std::vector{p3});
    EXPECT_EQ(table(1)->why_excluded("p3"), "no longer in Patroni's answer");
    // The second answer comes by itself, though an interval is an hour.
    wait_for(
        1, [](const BackendTable& table) { return table.tolerated.empty(); }, "p3 to be out");
    EXPECT_EQ(eligible(1), "p2 127.0.0.12:6543");
}

TEST_F(TopologyFeedTest, WithoutALeaderThePortSaysWhy) {
    TopologyFeed feed(settings(config(), kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    answer({replica("p1", "127.0.0.11"), replica("p2", "127.0.0.12")});
    EXPECT_EQ(update(feed), "");
    // Both sources agree that p1 is none any more.
    EXPECT_EQ(eligible(0), "");
    EXPECT_EQ(tolerated(0), "");
    EXPECT_EQ(table(0)->why_excluded(), "p1: role is replica; p2: role is replica");
}

TEST_F(TopologyFeedTest, PollsByItself) {
    TopologyFeed feed(settings(config(), 1ms), publish());
    feed.start();
    patroni_.wait_for_requests("/cluster", 1);
    answer({leader("p9", "127.0.0.19")});
    wait_for_eligible(0, "p9 127.0.0.19:5432");
}

TEST_F(TopologyFeedTest, AnUpdateIsDoneOnceAllTablesArePublished) {
    TopologyFeed feed(settings(config(), kNever), publish());
    std::promise<std::string> seen;
    feed.update_now([&](const std::string&) {
        seen.set_value(eligible(0) + " | " + eligible(1) + " | " + eligible(2));
    });
    feed.start();
    EXPECT_EQ(seen.get_future().get(),
              "p1 127.0.0.11:5432 | p2 127.0.0.12:6543 | p1 127.0.0.11:5432, p2 127.0.0.12:5432");
}

TEST_F(TopologyFeedTest, PublishesOnlyWhatChanged) {
    TopologyFeed feed(settings(config(), kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    const auto before = published();
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(update(feed), "");
    EXPECT_EQ(published(), before);
}

TEST_F(TopologyFeedTest, AFailedPollChangesNothing) {
    TopologyFeed feed(settings(config(), kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    const auto before = published();
    const auto table_before = table(0);
    // The members are asked as well, and know no better.
    patroni_.answer("/cluster", {.status = 503});
    EXPECT_THAT(update(feed), HasSubstr(patroni_.url() + ": status 503 Service Unavailable"));
    patroni_.answer_cluster("<html>");
    EXPECT_THAT(update(feed), HasSubstr("the answer is not JSON"));
    patroni_.stop();
    EXPECT_THAT(update(feed), HasSubstr("connection refused"));
    EXPECT_EQ(published(), before);
    EXPECT_EQ(table(0), table_before);

    patroni_.start();
    answer({replica("p1", "127.0.0.11"), leader("p2", "127.0.0.12")});
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(0), "p2 127.0.0.12:5432");
}

TEST_F(TopologyFeedTest, EachPortHasItsOwnRequirements) {
    auto lagging = replica("p2", "127.0.0.12");
    lagging.lag = 2'000;
    lagging.tags = {{"zone", "a"}};
    answer({leader("p1", "127.0.0.11"), lagging, replica("p3", "127.0.0.13")});
    auto picky = config();
    picky.ports[1].wanted.max_lag = 1'000;
    picky.ports[2].wanted.tags = {{"zone", "a"}};
    TopologyFeed feed(settings(picky, kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(1), "p3 127.0.0.13:6543");
    EXPECT_EQ(table(1)->why_excluded("p2"), "lag of 2000 bytes is over 1000");
    EXPECT_EQ(eligible(2), "p1 127.0.0.11:5432, p2 127.0.0.12:5432");
    EXPECT_EQ(table(2)->why_excluded(), "p3: not tagged zone=a");
}

TEST_F(TopologyFeedTest, TellsHowManyWereRefusedOnceThatEnds) {
    answer({replica("p1", "127.0.0.11")});
    const auto log = logged_during([&] {
        TopologyFeed feed(settings(config(), kNever), publish());
        feed.start();
        EXPECT_EQ(update(feed), "");
        table(0)->refused = 3;
        table(1)->refused = 1;  // it has been told already, by who refused it
        answer({leader("p1", "127.0.0.11"), replica("p2", "127.0.0.12")});
        EXPECT_EQ(update(feed), "");
        EXPECT_EQ(eligible(0), "p1 127.0.0.11:5432");
        EXPECT_EQ(table(0)->refused, 0U);
    });
    EXPECT_EQ(count_of("were refused", log), 1U) << log;
    EXPECT_THAT(log, HasSubstr("main/rw: 3 clients were refused while no backends were available"));
}

TEST_F(TopologyFeedTest, LogsEachChangeOnce) {
    const auto log = logged_during([&] {
        TopologyFeed feed(settings(config(), kNever), publish());
        feed.start();
        for (int i = 0; i < 3; ++i)
            EXPECT_EQ(update(feed), "");
        patroni_.answer("/cluster", {.status = 503});
        for (int i = 0; i < 3; ++i)
            EXPECT_NE(update(feed), "");
    });
    EXPECT_EQ(count_of("main: p1 leader running, p2 replica streaming", log), 1U) << log;
    EXPECT_EQ(count_of("main: p1 leads: leader", log), 1U) << log;
    EXPECT_EQ(count_of("; keeping the last known topology", log), 1U) << log;
}

TEST_F(TopologyFeedTest, WarnsOnceOfALeaderThatIsOneByClusterAlone) {
    ClusterJson json;
    json.member(leader("p1", "127.0.0.11"));  // without an api_url
    patroni_.answer_cluster(json.str());
    const auto log = logged_during([&] {
        TopologyFeed feed(settings(config(), kNever), publish());
        feed.start();
        for (int i = 0; i < 3; ++i)
            EXPECT_EQ(update(feed), "");
        EXPECT_EQ(eligible(0), "p1 127.0.0.11:5432");
    });
    EXPECT_EQ(count_of("p1 is leader by /cluster alone", log), 1U) << log;
}

TEST_F(TopologyFeedTest, StopTellsAnUpdateThatWaits) {
    patroni_.answer("/cluster", {.fault = support::Fault::stall});
    TopologyFeed feed(settings(config(), kNever), publish());
    feed.start();
    patroni_.wait_for_requests("/cluster", 1);
    std::promise<std::string> done;
    feed.update_now([&](const std::string& error) { done.set_value(error); });
    feed.stop();
    EXPECT_EQ(done.get_future().get(), "shutting down");
    EXPECT_EQ(published(), 0U);
}

TEST_F(TopologyFeedTest, ReportsWhatItKnowsAndHowItCameToKnowIt) {
    TopologyFeed feed(settings(config(), kNever), publish());
    EXPECT_EQ(feed.report().name, "main");
    EXPECT_EQ(feed.report().answer_age, std::nullopt);
    EXPECT_TRUE(feed.report().members.empty());
    EXPECT_TRUE(feed.standings().empty());
    auto tagged = replica("p2", "127.0.0.12");
    tagged.tags = {{"zone", "a"}};
    answer({leader("p1", "127.0.0.11"), tagged});
    feed.start();
    EXPECT_EQ(update(feed), "");

    const auto report = feed.report();
    EXPECT_EQ(report.leader, "p1");
    EXPECT_NE(report.leader_reason, "");
    EXPECT_FALSE(report.paused);
    ASSERT_TRUE(report.answer_age.has_value());
    EXPECT_GE(*report.answer_age, 0.0);
    EXPECT_EQ(report.polls.last_host, patroni_.url());
    EXPECT_EQ(report.polls.last_error, "");
    EXPECT_GE(report.polls.good, 1U);
    EXPECT_EQ(report.polls.failed, 0U);
    EXPECT_GT(report.polls.seconds_total, 0.0);
    ASSERT_EQ(report.members.size(), 2U);
    EXPECT_EQ(report.members[0].name, "p1");
    EXPECT_TRUE(report.members[0].leads);
    EXPECT_TRUE(report.members[0].up);
    EXPECT_EQ(report.members[0].host, "127.0.0.11");
    EXPECT_EQ(report.members[0].port, 5432);
    EXPECT_EQ(report.members[1].role, "replica");
    EXPECT_FALSE(report.members[1].leads);
    EXPECT_EQ(report.members[1].lag, 0U);
    EXPECT_EQ(report.members[1].tags.at("zone"), "a");

    const auto standings = feed.standings();
    ASSERT_EQ(standings.size(), 3U);
    EXPECT_EQ(standings.at(0).members.at(0).standing, patroni::Standing::eligible);
    EXPECT_EQ(standings.at(0).members.at(1).standing, patroni::Standing::out);
    EXPECT_EQ(standings.at(0).members.at(1).reason, "role is replica");
    EXPECT_EQ(standings.at(2).members.at(1).standing, patroni::Standing::eligible);
    // Until p1 has proved itself nobody serves.
    EXPECT_LT(standings.at(0).members.at(0).down_for, standings.at(0).members.at(1).down_for);
    EXPECT_EQ(standings.at(0).down_for, standings.at(0).members.at(0).down_for);
    EXPECT_EQ(standings.at(0).since, standings.at(0).members.at(0).since);

    patroni_.answer("/cluster", {.status = 503});
    EXPECT_NE(update(feed), "");
    EXPECT_EQ(feed.report().polls.failed, 1U);
    EXPECT_THAT(feed.report().polls.last_error, HasSubstr("503"));
    EXPECT_EQ(feed.report().members.size(), 2U) << "what is known stays";
}

TEST_F(TopologyFeedTest, APortNamedAsAnotherOneWithItsMemberHasTimesOfItsOwn) {
    auto with_blanks = config();
    with_blanks.ports[1].name = "rw p1";
    TopologyFeed feed(settings(with_blanks, kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    const auto first = feed.standings();
    EXPECT_EQ(update(feed), "");
    const auto second = feed.standings();
    EXPECT_EQ(second.at(0).members.at(0).since, first.at(0).members.at(0).since);
    EXPECT_EQ(second.at(1).since, first.at(1).since);
}

void tell_both(Backend& backend) {
    EXPECT_TRUE(backend.reachability.begin_report(Trouble::ended));
    EXPECT_TRUE(backend.reachability.begin_report(Trouble::refused));
}

bool may_tell_both(Backend& backend) {
    const bool may = backend.reachability.begin_report(Trouble::ended) &&
                     backend.reachability.begin_report(Trouble::refused);
    backend.reachability.allow_reports();
    return may;
}

TEST_F(TopologyFeedTest, ARoundThatEndsLetsTroubleBeToldAgain) {
    TopologyFeed feed(settings(config(), kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    const auto p1 = only_backend(0);
    tell_both(*p1);
    EXPECT_EQ(update(feed), "");
    EXPECT_TRUE(may_tell_both(*p1));
    tell_both(*p1);
    patroni_.answer("/cluster", {.status = 503});
    EXPECT_NE(update(feed), "");
    EXPECT_TRUE(may_tell_both(*p1)) << "who could not be asked may be asked for again";
}

TEST_F(TopologyFeedTest, AViewLetsTroubleBeToldAgainBeforeItsRoundHasEnded) {
    TopologyFeed feed(settings(config(), kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    const auto p1 = only_backend(0);
    tell_both(*p1);
    reconfigure(feed, settings(config(), kNever));  // shows what is known anew
    EXPECT_TRUE(may_tell_both(*p1));
}

TEST_F(TopologyFeedTest, TroubleAsksTheClusterBeforeItsTime) {
    TopologyFeed feed(settings(config(), kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    answer({replica("p1", "127.0.0.11"), leader("p2", "127.0.0.12")});
    feed.report_trouble("p1", Trouble::refused);
    wait_for_eligible(0, "p2 127.0.0.12:5432");
}

}  // namespace
}  // namespace proxy
