// What a feed makes of other settings while it runs.

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni_proxy/topology/topology_feed.h"
#include "topology_feed_fixture.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using patroni::RequestedRole;
using support::FakePatroni;

class TopologyFeedReconfigureTest : public TopologyFeedTest {
  protected:
    TopologyFeedReconfigureTest() {
        feed_.start();
        EXPECT_EQ(update(feed_), "");
    }

    /// The second answer counts half a second after the first.
    void update_until(const std::function<bool()>& condition, const std::string& what) {
        support::eventually(
            [&] {
                EXPECT_EQ(update(feed_), "");
                return condition();
            },
            what);
    }

    TopologyFeed feed_{settings(config(), kNever), publish()};
};

TEST_F(TopologyFeedReconfigureTest, TheSameAgainPublishesNothing) {
    const auto before = published();
    const auto table_before = table(0);
    reconfigure(feed_, settings(config(), kNever));
    EXPECT_EQ(published(), before);
    EXPECT_EQ(update(feed_), "");
    EXPECT_EQ(published(), before);
    EXPECT_EQ(table(0), table_before);
}

TEST_F(TopologyFeedReconfigureTest, APortThatIsAddedHasItsTableWhenItIsApplied) {
    auto more = settings(config(), kNever);
    more.ports.push_back({7, port_for("more", {RequestedRole::async}, 7777)});
    const auto before = published();
    reconfigure(feed_, more);
    EXPECT_EQ(eligible(7), "p2 127.0.0.12:7777");
    EXPECT_EQ(published(), before + 1) << "of the others nothing changed";
    ASSERT_EQ(feed_.standings().count(7), 1U);
    EXPECT_EQ(feed_.standings().at(7).members.at(1).standing, patroni::Standing::eligible);
    // It is one of them from now on.
    answer({leader("p1", "127.0.0.11"), replica("p3", "127.0.0.13")});
    EXPECT_EQ(update(feed_), "");
    EXPECT_EQ(eligible(7), "p3 127.0.0.13:7777");
}

TEST_F(TopologyFeedReconfigureTest, APortThatIsRemovedGetsNoMoreTables) {
    auto fewer = settings(config(), kNever);
    fewer.ports.erase(fewer.ports.begin());
    reconfigure(feed_, fewer);
    EXPECT_EQ(feed_.standings().count(0), 0U);
    const auto last = table(0);
    answer({replica("p1", "127.0.0.11"), leader("p2", "127.0.0.12")});
    EXPECT_EQ(update(feed_), "");
    EXPECT_EQ(eligible(1), "p1 127.0.0.11:6543");
    EXPECT_EQ(table(0), last);
}

TEST_F(TopologyFeedReconfigureTest, OtherRolesAreInForceWhenTheyAreApplied) {
    const auto p1 = only_backend(0);
    auto changed = settings(config(), kNever);
    changed.ports[0].config.wanted.roles = {RequestedRole::any};
    reconfigure(feed_, changed);
    EXPECT_EQ(eligible(0), "p1 127.0.0.11:5432, p2 127.0.0.12:5432");
    EXPECT_EQ(table(0)->eligible[0], p1) << "whose sessions stay";
    // A leader that is none to this port any more has no sessions to be patient with.
    changed.ports[0].config.wanted.roles = {RequestedRole::async};
    reconfigure(feed_, changed);
    EXPECT_EQ(eligible(0), "p2 127.0.0.12:5432");
}

TEST_F(TopologyFeedReconfigureTest, AMemberThatNoLongerFitsIsToleratedUntilTheNextAnswer) {
    const auto p2 = only_backend(1);
    auto changed = settings(config(), kNever);
    changed.ports[1].config.wanted.tags = {{"zone", "a"}};
    changed.ports[1].config.wanted.removal_grace = 1h;
    reconfigure(feed_, changed);
    EXPECT_EQ(eligible(1), "");
    EXPECT_EQ(table(1)->tolerated, std::vector{p2});
    EXPECT_EQ(table(1)->why_excluded("p2"), "not tagged zone=a");
    // A second reload does not restart the patience.
    reconfigure(feed_, changed);
    EXPECT_EQ(table(1)->tolerated, std::vector{p2});
    changed.ports[1].config.wanted.removal_grace = 0ms;
    reconfigure(feed_, changed);
    update_until([&] { return tolerated(1).empty(); }, "p2 to be out");
}

TEST_F(TopologyFeedReconfigureTest, OtherRequirementsKeepThePatienceThatHasBegun) {
    auto lagging = replica("p2", "127.0.0.12");
    lagging.lag = 5'000;
    auto limited = settings(config(), kNever);
    limited.ports[1].config.wanted.max_lag = 10'000;
    limited.ports[1].config.wanted.lag_window = 1h;
    reconfigure(feed_, limited);
    answer({leader("p1", "127.0.0.11"), lagging});
    EXPECT_EQ(update(feed_), "");
    EXPECT_EQ(eligible(1), "p2 127.0.0.12:6543");
    // One reading over a limit that is new to it stops nothing yet.
    limited.ports[1].config.wanted.max_lag = 1'000;
    reconfigure(feed_, limited);
    EXPECT_EQ(eligible(1), "p2 127.0.0.12:6543");
    update_until([&] { return eligible(1).empty(); }, "a second answer that is over the limit");
    EXPECT_EQ(tolerated(1), "p2 127.0.0.12:6543");
    // It is over another limit as well, and its window goes on.
    limited.ports[1].config.wanted.max_lag = 2'000;
    reconfigure(feed_, limited);
    EXPECT_EQ(eligible(1), "");
    EXPECT_EQ(tolerated(1), "p2 127.0.0.12:6543");
}

TEST_F(TopologyFeedReconfigureTest, AnotherPortOfTheMembersIsAnotherBackend) {
    const auto before = only_backend(0);
    auto changed = settings(config(), kNever);
    changed.ports[0].config.host_port = 6000;
    reconfigure(feed_, changed);
    EXPECT_EQ(eligible(0), "p1 127.0.0.11:6000");
    EXPECT_NE(only_backend(0), before);
}

TEST_F(TopologyFeedReconfigureTest, OtherHostsAreAskedAndWhatIsKnownStays) {
    FakePatroni other;
    other.answer("/cluster", {.status = 503});
    auto moved = settings(config(), kNever);
    moved.cluster.hosts = {patroni::Endpoint::parse(other.url()).value()};
    const auto before = published();
    reconfigure(feed_, moved);
    other.wait_for_requests("/cluster", 1);
    EXPECT_NE(update(feed_), "");
    EXPECT_EQ(published(), before);
    EXPECT_EQ(eligible(0), "p1 127.0.0.11:5432");
    const auto asked = patroni_.requests("/cluster");
    EXPECT_NE(update(feed_), "");
    EXPECT_EQ(patroni_.requests("/cluster"), asked) << "the old host is no longer asked";
}

TEST_F(TopologyFeedReconfigureTest, AnotherIntervalIsKeptFromNowOn) {
    reconfigure(feed_, settings(config(), 1ms));
    const auto asked = patroni_.requests("/cluster");
    patroni_.wait_for_requests("/cluster", asked + 5);
}

TEST_F(TopologyFeedTest, ReconfiguredBeforeItsFirstAnswerItMakesTablesOfThatOne) {
    patroni_.hold("/cluster");
    TopologyFeed feed(settings(config(), kNever), publish());
    feed.start();
    patroni_.wait_for_requests("/cluster", 1);
    auto changed = settings(config(), kNever);
    changed.ports[0].config.host_port = 6000;
    reconfigure(feed, changed);
    EXPECT_EQ(published(), 0U);
    patroni_.release("/cluster");
    wait_for_eligible(0, "p1 127.0.0.11:6000");
}

TEST_F(TopologyFeedReconfigureTest, ADrainedMemberKeepsItsSessionsAndGetsNoNewOnes) {
    const auto p1 = only_backend(0);
    auto drained = settings(config(), kNever);
    drained.limits.drained[{"p1", ""}] = "drained by uid 0";
    reconfigure(feed_, drained);
    EXPECT_EQ(eligible(0), "");
    EXPECT_EQ(table(0)->tolerated, std::vector{p1});
    EXPECT_EQ(table(0)->why_excluded("p1"), "drained by uid 0");
    EXPECT_EQ(eligible(2), "p2 127.0.0.12:5432");
    EXPECT_EQ(feed_.standings().at(0).members.at(0).reason, "drained by uid 0");
    // Patroni's word still counts against it, and a drain makes nobody eligible.
    EXPECT_EQ(table(1)->why_excluded("p1"), "it is the leader");
    EXPECT_EQ(update(feed_), "");
    EXPECT_EQ(table(0)->tolerated, std::vector{p1}) << "an answer lifts no drain";
    reconfigure(feed_, settings(config(), kNever));
    EXPECT_EQ(eligible(0), "p1 127.0.0.11:5432");
}

TEST_F(TopologyFeedReconfigureTest, ADrainedMemberThatPatroniTakesOutIsOut) {
    auto drained = settings(config(), kNever);
    drained.limits.drained[{"p1", ""}] = "drained by uid 0";
    reconfigure(feed_, drained);
    answer({replica("p1", "127.0.0.11"), leader("p2", "127.0.0.12")});
    EXPECT_EQ(update(feed_), "");
    EXPECT_EQ(eligible(0), "p2 127.0.0.12:5432");
    EXPECT_EQ(tolerated(0), "");
}

TEST_F(TopologyFeedReconfigureTest, ADrainOnOnePortLeavesTheOthersAlone) {
    auto drained = settings(config(), kNever);
    drained.limits.drained[{"p1", "all"}] = "drained by uid 0";
    reconfigure(feed_, drained);
    EXPECT_EQ(eligible(0), "p1 127.0.0.11:5432");
    EXPECT_EQ(eligible(2), "p2 127.0.0.12:5432");
}

TEST_F(TopologyFeedReconfigureTest, ACapReachesTheBackendsOfItsMember) {
    const auto p1 = only_backend(0);
    auto capped = settings(config(), kNever);
    capped.limits.caps["p1"] = 7;
    reconfigure(feed_, capped);
    EXPECT_EQ(p1->cap, 7U);
    EXPECT_EQ(only_backend(1)->cap, kNoCap);
    reconfigure(feed_, settings(config(), kNever));
    EXPECT_EQ(p1->cap, kNoCap);
}

TEST_F(TopologyFeedReconfigureTest, AFrozenClusterKeepsItsRoutingWhateverPatroniSays) {
    auto frozen = settings(config(), kNever);
    frozen.limits.frozen = "frozen by uid 0";
    reconfigure(feed_, frozen);
    const auto before = published();
    // Patroni names nobody but a stranger.
    answer({replica("p9", "127.0.0.19")});
    says("p1", "primary");
    EXPECT_EQ(update(feed_), "");
    EXPECT_EQ(published(), before);
    EXPECT_EQ(eligible(0), "p1 127.0.0.11:5432");
    EXPECT_EQ(eligible(1), "p2 127.0.0.12:6543");
    // A port that is added meanwhile is routed by what was frozen.
    frozen.ports.push_back({7, port_for("more", {RequestedRole::async}, 7777)});
    reconfigure(feed_, frozen);
    EXPECT_EQ(eligible(7), "p2 127.0.0.12:7777");
    answer({leader("p9", "127.0.0.19")});
    EXPECT_EQ(update(feed_), "");
    EXPECT_EQ(eligible(0), "") << "p9 proves that it is primary, but it is not known";
    reconfigure(feed_, settings(config(), kNever));
    update_until([&] { return eligible(0) == "p9 127.0.0.19:5432"; }, "p9 to serve");
}

TEST_F(TopologyFeedReconfigureTest, AFrozenLeaderThatDeniesItselfServesNobody) {
    const auto p1 = only_backend(0);
    auto frozen = settings(config(), kNever);
    frozen.limits.frozen = "frozen by uid 0";
    reconfigure(feed_, frozen);
    answer({replica("p1", "127.0.0.11"), leader("p2", "127.0.0.12")});
    EXPECT_EQ(update(feed_), "");
    EXPECT_EQ(eligible(0), "") << "neither it nor the one that is not known to the frozen cluster";
    EXPECT_EQ(tolerated(0), "") << "p2 proves that it is primary, so p1 is none";
    EXPECT_THAT(table(0)->why_excluded("p1"), testing::StartsWith("the cluster is frozen, but "));
    answer({leader("p1", "127.0.0.11"), replica("p2", "127.0.0.12")});
    support::eventually(
        [&] {
            EXPECT_EQ(update(feed_), "");
            return eligible(0) == "p1 127.0.0.11:5432";
        },
        "p1 to lead again");
}

}  // namespace
}  // namespace proxy
