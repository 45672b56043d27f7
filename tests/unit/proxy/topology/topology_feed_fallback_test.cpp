// The tables of a port with fallback_roles, as its cluster loses its standbys and gets them back.

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "topology_feed_fixture.h"
#include "unit/proxy/logged.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using patroni::RequestedRole;
using testing::HasSubstr;

/// Port 1 is for standbys and falls back to the leader.
class TopologyFeedFallbackTest : public TopologyFeedTest {
  protected:
    [[nodiscard]] ClusterConfig config(OnReturn on_return = OnReturn::keep) const {
        ClusterConfig config = TopologyFeedTest::config();
        config.ports[1].fallback = Fallback{{RequestedRole::leader}, on_return};
        return config;
    }
    /// p2 is stopped.
    void lose_p2() {
        auto stopped = replica("p2", "127.0.0.12");
        stopped.state = "stopped";
        answer({leader("p1", "127.0.0.11"), stopped});
    }
    void regain_p2() { answer({leader("p1", "127.0.0.11"), replica("p2", "127.0.0.12")}); }
    std::string kept_fallbacks() { return text_of(table(1)->fallback); }
    static std::string standing_of(const TopologyFeed& feed, std::size_t member) {
        const auto standing = feed.standings().at(1).members.at(member);
        return std::string(name_of(standing.standing)) + ": " + standing.reason;
    }
};

TEST_F(TopologyFeedFallbackTest, ServesByRolesWhileItCan) {
    TopologyFeed feed(settings(config(), kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(1), "p2 127.0.0.12:6543");
    EXPECT_FALSE(table(1)->falls_back);
    EXPECT_FALSE(feed.standings().at(1).falls_back);
    EXPECT_EQ(standing_of(feed, 0),
              "tolerated: it is the leader; sessions that fell back to it may stay");
    EXPECT_EQ(standing_of(feed, 1), "eligible: replica");
}

TEST_F(TopologyFeedFallbackTest, FallsBackAndReturnsAndSaysSoOnce) {
    const auto log = logged_during([&] {
        TopologyFeed feed(settings(config(), kNever), publish());
        feed.start();
        EXPECT_EQ(update(feed), "");
        lose_p2();
        EXPECT_EQ(update(feed), "");
        // At once: one answer is enough to stop new sessions on p2.
        EXPECT_EQ(eligible(1), "p1 127.0.0.11:6543");
        EXPECT_EQ(tolerated(1), "p2 127.0.0.12:6543");
        EXPECT_TRUE(feed.standings().at(1).falls_back);
        EXPECT_EQ(standing_of(feed, 0), "eligible: as a fallback: leader");
        wait_for(
            1, [](const BackendTable& table) { return table.tolerated.empty(); }, "p2 to be out");
        EXPECT_EQ(eligible(1), "p1 127.0.0.11:6543");
        regain_p2();
        EXPECT_EQ(update(feed), "");
        EXPECT_EQ(eligible(1), "p2 127.0.0.12:6543");
        EXPECT_EQ(kept_fallbacks(), "p1 127.0.0.11:6543");
        EXPECT_FALSE(feed.standings().at(1).falls_back);
        EXPECT_GT(feed.standings().at(1).members.at(1).down_for.value_or(0), 0);
        EXPECT_EQ(feed.standings().at(1).down_for, 0) << "p1 served meanwhile";
    });
    EXPECT_EQ(count_of("falls back", log), 2U) << log;
    EXPECT_THAT(log, HasSubstr("WARNING main/ro: falls back to leader: nobody serves as sync, "
                               "async: p1: it is the leader; p2: state is stopped"));
    EXPECT_THAT(log, HasSubstr("INFO main/ro: no longer falls back: p2 serves"));
}

TEST_F(TopologyFeedFallbackTest, IfItClosesNoSessionsStayOnTheFallback) {
    TopologyFeed feed(settings(config(OnReturn::close), kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(kept_fallbacks(), "");
    lose_p2();
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(1), "p1 127.0.0.11:6543");
    EXPECT_EQ(kept_fallbacks(), "p1 127.0.0.11:6543");
    regain_p2();
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(1), "p2 127.0.0.12:6543");
    EXPECT_EQ(kept_fallbacks(), "");
    EXPECT_EQ(standing_of(feed, 0),
              "out: it is the leader, as a fallback: p2 serves again (fallback_return: close)");
}

TEST_F(TopologyFeedFallbackTest, ALeaderThatIsDemotedIsNoFallbackAnyMore) {
    TopologyFeed feed(settings(config(), kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    lose_p2();
    EXPECT_EQ(update(feed), "");
    const auto p1 = only_backend(1);
    auto demoted = replica("p1", "127.0.0.11");
    demoted.state = "starting";
    answer({demoted, leader("p3", "127.0.0.13")});
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(1), "p3 127.0.0.13:6543");
    EXPECT_TRUE(table(1)->falls_back);
    EXPECT_FALSE(table(1)->keeps_sessions_of(p1.get(), ServedBy::fallback_roles));
    EXPECT_EQ(table(1)->why_excluded("p1", ServedBy::fallback_roles), "state is starting");
}

TEST_F(TopologyFeedFallbackTest, LimitsHoldForFallbacksToo) {
    // From synchronous standbys to asynchronous ones that are not too far behind.
    auto limited = TopologyFeedTest::config();
    limited.ports[1].wanted.roles = {RequestedRole::sync};
    limited.ports[1].wanted.max_lag = 1'000;
    limited.ports[1].fallback = Fallback{{RequestedRole::async}, OnReturn::keep};
    auto lagging = replica("p3", "127.0.0.13");
    lagging.lag = 2'000;
    answer({leader("p1", "127.0.0.11"), replica("p2", "127.0.0.12"), lagging});
    TopologyFeed feed(settings(limited, kNever), publish());
    feed.start();
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(1), "p2 127.0.0.12:6543");
    EXPECT_EQ(standing_of(feed, 2),
              "out: role is replica, as a fallback: lag of 2000 bytes is over 1000");
    // With the patience that a regular member has: one reading stops nothing yet.
    lagging.name = "p2";
    lagging.host = "127.0.0.12";
    answer({leader("p1", "127.0.0.11"), lagging});
    EXPECT_EQ(update(feed), "");
    EXPECT_EQ(eligible(1), "p2 127.0.0.12:6543");
    EXPECT_THAT(standing_of(feed, 1), HasSubstr("waiting for a second answer"));
}

TEST_F(TopologyFeedFallbackTest, TheSettingComesChangesAndGoesWithReloads) {
    TopologyFeed feed(settings(TopologyFeedTest::config(), kNever), publish());
    feed.start();
    lose_p2();
    EXPECT_EQ(update(feed), "");
    support::eventually([&] { return update(feed).empty() && tolerated(1).empty(); }, "p2 out");
    EXPECT_EQ(eligible(1), "");

    reconfigure(feed, settings(config(), kNever));
    EXPECT_EQ(eligible(1), "p1 127.0.0.11:6543");
    const auto p1 = only_backend(1);
    reconfigure(feed, settings(config(OnReturn::close), kNever));
    EXPECT_EQ(only_backend(1), p1) << "nobody else serves yet";

    // Who fell back by another host_port stays as well.
    auto moved = config();
    moved.ports[1].host_port = 7777;
    p1->connections = 1;
    reconfigure(feed, settings(moved, kNever));
    EXPECT_EQ(eligible(1), "p1 127.0.0.11:7777");
    EXPECT_TRUE(table(1)->keeps_sessions_of(p1.get(), ServedBy::fallback_roles));
    EXPECT_FALSE(table(1)->keeps_sessions_of(p1.get(), ServedBy::roles));

    auto others = moved;
    others.ports[1].fallback->roles = {RequestedRole::standby_leader};
    reconfigure(feed, settings(others, kNever));
    EXPECT_EQ(eligible(1), "");
    reconfigure(feed, settings(moved, kNever));
    EXPECT_EQ(eligible(1), "p1 127.0.0.11:7777");

    moved.ports[1].fallback.reset();
    reconfigure(feed, settings(moved, kNever));
    EXPECT_EQ(eligible(1), "");
    EXPECT_EQ(kept_fallbacks(), "");
    EXPECT_FALSE(table(1)->falls_back);
    EXPECT_EQ(table(1)->why_excluded("p1", ServedBy::fallback_roles), "it is the leader");
}

}  // namespace
}  // namespace proxy
