#include "patroni_proxy/control/control.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/proxy/logged.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

/// Knows clusters and members, and remembers what it was to put in force.
class FakeProxy final : public Controlled {
  public:
    FakeProxy() {
        config_.clusters.resize(2);
        config_.clusters[0].name = "main";
        config_.clusters[1].name = "silent";
        config_.clusters[0].ports.resize(2);
        config_.clusters[0].ports[0].name = "rw";
        config_.clusters[0].ports[1].name = "ro";
    }
    [[nodiscard]] const Config& config() const override { return config_; }
    [[nodiscard]] std::vector<std::string> members_of(const std::string& cluster) const override {
        return cluster == "main" ? std::vector<std::string>{"p1", "p2"}
                                 : std::vector<std::string>{};
    }
    [[nodiscard]] std::string why_not_frozen(const std::string& cluster) const override {
        return cluster == "silent" ? "Patroni has not answered yet" : unled;
    }
    void use_operator_settings() override { ++put_in_force; }
    void when_in_force(std::function<void()> done) override { done(); }
    void end_sessions(const std::string& cluster, const std::string& member, const DrainPace& pace,
                      const std::string& /*detail*/) override {
        ending[cluster + "/" + member] = pace;
    }
    void keep_sessions(const std::string& cluster, const std::string& member) override {
        ending.erase(cluster + "/" + member);
    }
    void list_sessions(const SessionFilter& /*filter*/, SessionWriter write,
                       std::function<void(std::string text)> done) override {
        done(write({}));
    }
    void close_sessions(const SessionFilter& filter, const std::string& detail,
                        std::function<void(std::size_t closed)> done) override {
        closed = filter.member + ", " + detail;
        done(to_close);
    }
    void reload(const std::string& /*listeners*/,
                std::function<void(const ReloadOutcome&)> done) override {
        done({"", {"port main/rw changed"}});
    }
    void start_upgrade(const std::string& /*by*/,
                       std::function<void(const Outcome&)> done) override {
        done({Outcome::Problem::none, true, "process 7 serves"});
    }
    [[nodiscard]] bool is_upgrading() const override { return upgrading; }
    [[nodiscard]] daemons::log::Level log_level() const override { return level; }
    void set_log_level(daemons::log::Level other) override { level = other; }
    [[nodiscard]] ProxyReport report() override { return told; }
    void note_action(const history::OperatorAction& action) override { actions.push_back(action); }

    Config config_;
    std::string unled;  ///< why main cannot be frozen
    ProxyReport told;
    int put_in_force = 0;
    std::map<std::string, DrainPace> ending;  ///< by member
    std::string closed;
    std::vector<history::OperatorAction> actions;
    std::size_t to_close = 7;
    bool upgrading = false;
    daemons::log::Level level = daemons::log::Level::info;
};

class ControlTest : public testing::Test {
  protected:
    net::EventLoop loop_;
    FakeProxy proxy_;
    Control control_{loop_, proxy_};
    Caller caller_{"uid 0, pid 42"};
};

TEST_F(ControlTest, ADrainIsLoggedAndPutInForce) {
    Outcome outcome;
    const auto log = logged_during(
        [&] { outcome = control_.drain("main", "p1", {}, {{.why = "new kernel"}}, caller_); });
    EXPECT_TRUE(outcome.ok());
    EXPECT_TRUE(outcome.changed);
    EXPECT_EQ(outcome.message, "main/p1 gets no new sessions; those it has stay");
    EXPECT_EQ(proxy_.put_in_force, 1);
    EXPECT_THAT(log, HasSubstr("main/p1: drained by uid 0, pid 42: new kernel\n"));
    EXPECT_EQ(control_.settings().limits_of("main").drained.count({"p1", ""}), 1U);
}

TEST_F(ControlTest, WhatOperatorsDoIsKeptInTheHistory) {
    control_.drain("main", "p1", {}, {{.why = "new kernel"}}, caller_);
    control_.ready("main", "p1", {}, {"uid 7, pid 8"});
    control_.reload({}, caller_, [](const auto&) {});
    ASSERT_EQ(proxy_.actions.size(), 3U);
    EXPECT_EQ(proxy_.actions[0].subject, "main/p1");
    EXPECT_EQ(proxy_.actions[0].cluster, "main");
    EXPECT_EQ(proxy_.actions[0].what, "drained by uid 0, pid 42: new kernel");
    EXPECT_EQ(proxy_.actions[1].by, "uid 7, pid 8");
    EXPECT_EQ(proxy_.actions[2].what,
              "the configuration was reloaded: port main/rw changed; asked for by uid 0, pid 42");
    control_.note_reload({"proxy.yaml:4: no such key", {}});
    EXPECT_EQ(proxy_.actions[3].what,
              "a reload failed and changed nothing: proxy.yaml:4: no such key");
    EXPECT_EQ(proxy_.actions[3].by, "");
}

TEST_F(ControlTest, ADrainEndsSessionsAtAPaceUntilItIsOver) {
    DrainTerms paced;
    paced.pace = DrainPace{.rate = 5, .within = 300s};
    const auto outcome = control_.drain("main", "p1", {}, paced, caller_);
    EXPECT_EQ(outcome.message,
              "main/p1 gets no new sessions; those it has end, at most 5 per second, those in a "
              "transaction after 5 min");
    ASSERT_EQ(proxy_.ending.count("main/p1"), 1U);
    EXPECT_EQ(proxy_.ending["main/p1"].rate, 5);
    (void)control_.ready("main", "p1", {}, caller_);
    EXPECT_THAT(proxy_.ending, IsEmpty());
    // A drain that is there already takes a pace later.
    (void)control_.drain("main", "p1", {}, {}, caller_);
    EXPECT_THAT(proxy_.ending, IsEmpty());
    EXPECT_TRUE(control_.drain("main", "p1", {}, paced, caller_).changed);
    EXPECT_EQ(proxy_.ending.count("main/p1"), 1U);
    // The cluster goes: so does its drain.
    proxy_.config_.clusters.clear();
    control_.on_reload();
    EXPECT_THAT(proxy_.ending, IsEmpty());
}

TEST_F(ControlTest, ADrainOfOnePortEndsNoSessions) {
    DrainTerms paced;
    paced.pace.emplace();
    EXPECT_EQ(control_.drain("main", "p1", "rw", paced, caller_).problem,
              Outcome::Problem::bad_value);
    EXPECT_EQ(proxy_.put_in_force, 0);
}

TEST_F(ControlTest, ClosingSessionsIsLoggedWithTheirNumber) {
    SessionFilter filter;
    filter.member = "p1";
    std::size_t closed = 0;
    const auto log = logged_during([&] {
        control_.close_sessions(filter, caller_, [&](std::size_t count) { closed = count; });
    });
    EXPECT_EQ(closed, 7U);
    EXPECT_EQ(proxy_.closed, "p1, closed by uid 0, pid 42");
    EXPECT_THAT(proxy_.actions, SizeIs(1));
    EXPECT_THAT(log,
                HasSubstr("7 sessions closed by uid 0, pid 42 sessions=7 by=\"uid 0, pid 42\"\n"));
}

TEST_F(ControlTest, ClosingNothingIsNoRecordOfTheHistory) {
    proxy_.to_close = 0;
    std::optional<std::size_t> closed;
    control_.close_sessions({}, caller_, [&](std::size_t count) { closed = count; });
    EXPECT_EQ(closed, 0U);
    EXPECT_THAT(proxy_.actions, IsEmpty());
}

TEST_F(ControlTest, WhatIsDoneTwiceChangesNothing) {
    (void)control_.drain("main", "p1", {}, {}, caller_);
    const auto again = control_.drain("main", "p1", {}, {}, {"uid 7, pid 8"});
    EXPECT_TRUE(again.ok());
    EXPECT_FALSE(again.changed);
    EXPECT_EQ(again.message, "main/p1 is already drained by uid 0, pid 42");
    EXPECT_EQ(proxy_.put_in_force, 1);
    EXPECT_TRUE(control_.ready("main", "p1", {}, caller_).changed);
    EXPECT_FALSE(control_.ready("main", "p1", {}, caller_).changed);
    EXPECT_THAT(control_.settings().limits_of("main").drained, IsEmpty());
}

TEST_F(ControlTest, AnUnknownNameIsAnsweredWithThoseThatExist) {
    const auto no_cluster = control_.drain("mian", "p1", {}, {}, caller_);
    EXPECT_EQ(no_cluster.problem, Outcome::Problem::unknown_name);
    EXPECT_EQ(no_cluster.message, "no cluster mian; the configuration has main, silent");
    const auto no_member = control_.drain("main", "p9", {}, {}, caller_);
    EXPECT_EQ(no_member.problem, Outcome::Problem::unknown_name);
    EXPECT_EQ(no_member.message, "no member p9 in cluster main; it has p1, p2");
    EXPECT_EQ(control_.drain("silent", "p1", {}, {}, caller_).problem, Outcome::Problem::conflict);
    EXPECT_EQ(proxy_.put_in_force, 0);
}

TEST_F(ControlTest, ADrainEndsWhenItsTimeIsOver) {
    (void)control_.drain("main", "p1", {}, {{.lasts_for = 0s}}, caller_);
    const auto log = logged_during([&] { loop_.timers().fire_due(); });
    EXPECT_THAT(control_.settings().limits_of("main").drained, IsEmpty());
    EXPECT_EQ(proxy_.put_in_force, 2);
    EXPECT_THAT(log, HasSubstr("main/p1: no longer drained by uid 0, pid 42; its time is over\n"));
}

TEST_F(ControlTest, AReloadDropsWhatIsAboutARemovedCluster) {
    (void)control_.drain("main", "p1", {}, {}, caller_);
    proxy_.config_.clusters.erase(proxy_.config_.clusters.begin());
    const auto log = logged_during([&] { control_.on_reload(); });
    EXPECT_EQ(control_.settings().find({Operation::drain, "main", "p1", {}}), nullptr);
    EXPECT_THAT(log, HasSubstr("main/p1: no longer drained by uid 0, pid 42: it is no longer in "
                               "the configuration"));
}

TEST_F(ControlTest, ADrainOnOnePortIsLiftedThereOrWithAllOthers) {
    EXPECT_TRUE(control_.drain("main", "p1", "rw", {}, caller_).changed);
    EXPECT_TRUE(control_.drain("main", "p1", "ro", {}, caller_).changed);
    EXPECT_EQ(control_.drain("main", "p1", "rx", {}, caller_).message,
              "no port rx in cluster main; it has rw, ro");
    EXPECT_TRUE(control_.ready("main", "p1", "ro", caller_).changed);
    EXPECT_EQ(control_.settings().limits_of("main").drained.size(), 1U);
    EXPECT_TRUE(control_.ready("main", "p1", {}, caller_).changed);
    EXPECT_THAT(control_.settings().limits_of("main").drained, IsEmpty());
    // Elsewhere it would stay drained though the answer says that it is ready.
    (void)control_.drain("main", "p1", {}, {}, caller_);
    EXPECT_EQ(control_.ready("main", "p1", "rw", caller_).problem, Outcome::Problem::conflict);
}

TEST_F(ControlTest, ADrainSaysWhichPortsNobodyElseServes) {
    using patroni::Standing;
    ClusterReport main;
    main.name = "main";
    main.ports.resize(2);
    main.ports[0].name = "rw";
    main.ports[0].members = {{"p1", Standing::eligible, ""}, {"p2", Standing::out, ""}};
    main.ports[1].name = "ro";
    main.ports[1].members = {{"p1", Standing::tolerated, ""}, {"p2", Standing::eligible, ""}};
    proxy_.told.clusters = {main};
    EXPECT_EQ(
        control_.drain("main", "p1", {}, {{.lasts_for = 2h}}, caller_).message,
        "main/p1 gets no new sessions for 2 h; those it has stay; nobody else serves main/rw");
    EXPECT_EQ(control_.drain("main", "p2", {}, {{}, false, DrainPace{.rate = 20}}, caller_).message,
              "main/p2 gets no new sessions; those it has end, at most 20 per second, except those "
              "in a transaction or encrypted; nobody else serves main/ro");
    EXPECT_EQ(control_.drain("main", "p1", "ro", {}, caller_).message,
              "main/p1 on port ro gets no new sessions; those it has stay");
    proxy_.told.clusters[0].ports[1].members[0].standing = Standing::eligible;
    EXPECT_EQ(control_.drain("main", "p2", "ro", {}, caller_).message,
              "main/p2 on port ro gets no new sessions; those it has stay");
}

TEST_F(ControlTest, AHoldHasATimeAndEndsByItselfWithAWarning) {
    EXPECT_EQ(control_.hold("main", "rw", {}, caller_).message,
              "main/rw lets new clients wait for 1 min; its sessions stay");
    EXPECT_EQ(control_.hold("main", "rw", {.lasts_for = 2h}, caller_).problem,
              Outcome::Problem::bad_value);
    (void)control_.hold("main", "rw", {.lasts_for = 0s}, caller_);
    const auto log = logged_during([&] { loop_.timers().fire_due(); });
    EXPECT_THAT(log,
                HasSubstr("WARNING main/rw: no longer held by uid 0, pid 42; its time is over: "
                          "its clients go on\n"));
    EXPECT_FALSE(control_.release("main", "rw", caller_).changed);
}

TEST_F(ControlTest, WhatEndedWhileTheProcessWasDownIsTold) {
    (void)control_.hold("main", "rw", {.lasts_for = 0s}, caller_);
    (void)control_.disable("main", "ro", {}, caller_);
    Control next(loop_, proxy_);
    const auto log = logged_during([&] {
        next.restore(control_.settings().all());
        next.on_reload();
        loop_.timers().fire_due();
    });
    EXPECT_THAT(log, HasSubstr("INFO main/ro: still disabled by uid 0, pid 42"));
    EXPECT_THAT(log, Not(HasSubstr("main/rw: still held")));
    EXPECT_THAT(log,
                HasSubstr("WARNING main/rw: no longer held by uid 0, pid 42; its time is over"));
    EXPECT_THAT(next.settings().all(), SizeIs(1));
}

TEST_F(ControlTest, PortsAreHeldAndDisabledByName) {
    EXPECT_EQ(control_.disable("main", "p1", {}, caller_).message,
              "no port p1 in cluster main; it has rw, ro");
    EXPECT_TRUE(control_.disable("main", "rw", {}, caller_).changed);
    EXPECT_FALSE(control_.disable("main", "rw", {}, caller_).changed);
    EXPECT_TRUE(control_.enable("main", "rw", caller_).changed);
    EXPECT_EQ(control_.enable("main", "rw", caller_).message, "main/rw is not disabled");
}

TEST_F(ControlTest, ACapIsANumberThatCanBeLifted) {
    EXPECT_EQ(control_.cap("main", "p1", 0, {}, caller_).problem, Outcome::Problem::bad_value);
    EXPECT_TRUE(control_.cap("main", "p1", 20, {}, caller_).changed);
    EXPECT_FALSE(control_.cap("main", "p1", 20, {}, caller_).changed);
    EXPECT_TRUE(control_.cap("main", "p1", 10, {}, caller_).changed);
    EXPECT_EQ(control_.settings().limits_of("main").caps.at("p1"), 10U);
    EXPECT_TRUE(control_.cap("main", "p1", {}, {}, caller_).changed);
    EXPECT_FALSE(control_.cap("main", "p1", {}, {}, caller_).changed);
}

TEST_F(ControlTest, AFreezeIsWarnedOfAtOnceAndNeedsAnAnswerOfPatroni) {
    EXPECT_EQ(control_.freeze("silent", {}, caller_).problem, Outcome::Problem::conflict);
    const auto log =
        logged_during([&] { EXPECT_TRUE(control_.freeze("main", {}, caller_).changed); });
    EXPECT_THAT(log,
                HasSubstr("WARNING main: frozen by uid 0, pid 42: routing ignores what Patroni "
                          "says until it is unfrozen\n"));
    EXPECT_EQ(control_.settings().limits_of("main").frozen, "frozen by uid 0, pid 42");
    EXPECT_TRUE(control_.unfreeze("main", caller_).changed);
    EXPECT_EQ(control_.settings().limits_of("main").frozen, std::nullopt);
}

TEST_F(ControlTest, AClusterThatHasNoLeaderIsNotFrozen) {
    proxy_.unled = "no member leads, and none could until it is unfrozen: p1 is stopped";
    const auto refused = control_.freeze("main", {}, caller_);
    EXPECT_EQ(refused.problem, Outcome::Problem::conflict);
    EXPECT_EQ(refused.message,
              "cluster main cannot be frozen now: no member leads, and none could until it is "
              "unfrozen: p1 is stopped");
    EXPECT_EQ(proxy_.put_in_force, 0);
    proxy_.unled.clear();
    EXPECT_TRUE(control_.freeze("main", {}, caller_).changed);
    proxy_.unled = "p1 is stopped";
    EXPECT_TRUE(control_.freeze("main", {.why = "longer"}, caller_).changed)
        << "one that is frozen stays as it was frozen";
}

TEST_F(ControlTest, TheLogLevelIsSetUntilTheNextReload) {
    EXPECT_EQ(control_.set_log_level(daemons::log::Level::debug, caller_).message,
              "the log level is debug until the next reload or restart");
    EXPECT_EQ(proxy_.level, daemons::log::Level::debug);
    EXPECT_FALSE(control_.set_log_level(daemons::log::Level::debug, caller_).changed);
}

TEST_F(ControlTest, NothingIsSetWhileAnUpgradeIsUnderWay) {
    EXPECT_TRUE(control_.drain("main", "p1", {}, {}, caller_).ok());
    proxy_.upgrading = true;
    DrainTerms paced;
    paced.pace = DrainPace{};
    for (const auto& outcome : {control_.ready("main", "p1", {}, caller_),
                                control_.drain("main", "p2", {}, paced, caller_),
                                control_.hold("main", "rw", {}, caller_)}) {
        EXPECT_EQ(outcome.problem, Outcome::Problem::conflict);
        EXPECT_THAT(outcome.message, HasSubstr("an upgrade is under way"));
    }
    EXPECT_TRUE(control_.settings().find({Operation::drain, "main", "p1", {}}));
    EXPECT_THAT(proxy_.ending, IsEmpty());
}

TEST_F(ControlTest, WhatWasSetInTheProcessBeforeIsStillSet) {
    EXPECT_TRUE(control_.drain("main", "p1", {}, {}, caller_).ok());
    Control next(loop_, proxy_);
    next.go_on_with({control_.settings().all(), control_.settings().holds_ended()});
    next.on_reload();
    EXPECT_TRUE(next.settings().find({Operation::drain, "main", "p1", {}}));
}

}  // namespace
}  // namespace proxy
