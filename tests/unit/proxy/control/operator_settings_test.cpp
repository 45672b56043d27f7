#include "patroni_proxy/control/operator_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace proxy {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;
using testing::Pair;

constexpr OperatorSetting::Clock::time_point kNow{1h};

OperatorSetting drain_of(const std::string& cluster, const std::string& member,
                         const std::string& port = {}) {
    return {.subject = {Operation::drain, cluster, member, port},
            .why = "kernel",
            .by = "uid 0, pid 42"};
}
OperatorSetting of_port(Operation operation) {
    return {.subject = {operation, "main", {}, "rw"}, .by = "uid 0, pid 42"};
}
Subject drained(const std::string& cluster, const std::string& member) {
    return {Operation::drain, cluster, member, {}};
}

TEST(OperatorSettingsTest, ADrainIsAReasonAgainstItsMemberInItsClusterOnly) {
    OperatorSettings settings;
    settings.set(drain_of("main", "p1"));
    settings.set(drain_of("main", "p2", "rw"));
    EXPECT_THAT(settings.limits_of("main").drained,
                ElementsAre(Pair(Pair("p1", ""), "drained by uid 0, pid 42: kernel"),
                            Pair(Pair("p2", "rw"), "drained by uid 0, pid 42: kernel")));
    EXPECT_THAT(settings.limits_of("other").drained, IsEmpty());
    EXPECT_NE(settings.find(drained("main", "p1")), nullptr);
    EXPECT_EQ(settings.find(drained("main", "p2")), nullptr) << "it is drained on one port only";
}

TEST(OperatorSettingsTest, WhatIsSetTwiceIsReplaced) {
    OperatorSettings settings;
    settings.set(drain_of("main", "p1"));
    auto again = drain_of("main", "p1");
    again.why = "";
    again.maintenance = true;
    settings.set(again);
    EXPECT_THAT(settings.limits_of("main").drained,
                ElementsAre(Pair(Pair("p1", ""), "drained for maintenance by uid 0, pid 42")));
    EXPECT_TRUE(settings.lift(drained("main", "p1"), kNow));
    EXPECT_FALSE(settings.lift(drained("main", "p1"), kNow));
}

TEST(OperatorSettingsTest, OnlyWhatHasATimeExpires) {
    OperatorSettings settings;
    auto soon = drain_of("main", "p1");
    soon.expires = kNow + 1s;
    settings.set(drain_of("main", "p2"));
    EXPECT_EQ(settings.next_expiry(), std::nullopt);
    settings.set(soon);
    EXPECT_EQ(settings.next_expiry(), kNow + 1s);
    EXPECT_THAT(settings.take_expired(kNow), IsEmpty());
    EXPECT_THAT(settings.take_expired(kNow + 1s),
                ElementsAre(Field(&OperatorSetting::subject, drained("main", "p1"))));
    EXPECT_NE(settings.find(drained("main", "p2")), nullptr);
}

TEST(OperatorSettingsTest, AReloadTakesWhatItRemoves) {
    OperatorSettings settings;
    settings.set(drain_of("main", "p1"));
    settings.set(drain_of("other", "p1"));
    settings.set(of_port(Operation::hold));
    Config config;
    config.clusters.resize(1);
    config.clusters[0].name = "main";
    EXPECT_EQ(settings.take_removed(config).size(), 2U);
    EXPECT_NE(settings.find(drained("main", "p1")), nullptr);
    EXPECT_EQ(settings.find(of_port(Operation::hold).subject), nullptr);
}

TEST(OperatorSettingsTest, HoldAndDisableChangeHowAPortTreatsItsClients) {
    PortConfig port;
    port.name = "rw";
    port.settings.max_connections = 9;
    OperatorSettings settings;
    EXPECT_EQ(settings.settings_of("main", port), port.settings);
    settings.set(of_port(Operation::hold));
    settings.set(of_port(Operation::disable));
    auto changed = settings.settings_of("main", port);
    EXPECT_EQ(changed.held, "held by uid 0, pid 42 (since ?)");
    EXPECT_EQ(changed.disabled, "disabled by uid 0, pid 42 (since ?)");
    EXPECT_EQ(changed.max_connections, 9U);
    EXPECT_EQ(settings.settings_of("other", port), port.settings);
    settings.lift(of_port(Operation::hold).subject, kNow);
    changed = settings.settings_of("main", port);
    EXPECT_EQ(changed.held, std::nullopt);
    EXPECT_EQ(changed.hold_ended, kNow);
}

TEST(OperatorSettingsTest, ReportsMembersAndPortsWhereTheyBelong) {
    OperatorSettings settings;
    settings.set(drain_of("main", "p1", "rw"));
    settings.set(of_port(Operation::disable));
    const auto of_cluster = settings.report_of("main");
    ASSERT_EQ(of_cluster.size(), 1U);
    EXPECT_EQ(of_cluster[0].setting, "drain");
    EXPECT_EQ(of_cluster[0].member, "p1");
    EXPECT_EQ(of_cluster[0].port, "rw");
    const auto of_rw = settings.report_of("main", "rw");
    ASSERT_EQ(of_rw.size(), 1U);
    EXPECT_EQ(of_rw[0].setting, "disable");
}

}  // namespace
}  // namespace proxy
