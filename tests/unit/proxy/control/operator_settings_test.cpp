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

OperatorSetting drain_of(const std::string& cluster, const std::string& member) {
    return {.operation = Operation::drain,
            .cluster = cluster,
            .target = member,
            .why = "kernel",
            .by = "uid 0, pid 42"};
}

TEST(OperatorSettingsTest, ADrainIsAReasonAgainstItsMemberInItsClusterOnly) {
    OperatorSettings settings;
    settings.set(drain_of("main", "p1"));
    EXPECT_THAT(settings.overrides_of("main").drained,
                ElementsAre(Pair("p1", "drained by uid 0, pid 42: kernel")));
    EXPECT_THAT(settings.overrides_of("other").drained, IsEmpty());
    EXPECT_NE(settings.find(Operation::drain, "main", "p1"), nullptr);
    EXPECT_EQ(settings.find(Operation::drain, "main", "p2"), nullptr);
}

TEST(OperatorSettingsTest, WhatIsSetTwiceIsReplaced) {
    OperatorSettings settings;
    settings.set(drain_of("main", "p1"));
    auto again = drain_of("main", "p1");
    again.why = "";
    settings.set(again);
    EXPECT_THAT(settings.overrides_of("main").drained,
                ElementsAre(Pair("p1", "drained by uid 0, pid 42")));
    EXPECT_TRUE(settings.lift(Operation::drain, "main", "p1"));
    EXPECT_FALSE(settings.lift(Operation::drain, "main", "p1"));
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
                ElementsAre(Field(&OperatorSetting::target, "p1")));
    EXPECT_NE(settings.find(Operation::drain, "main", "p2"), nullptr);
}

TEST(OperatorSettingsTest, AReloadTakesWhatItRemoves) {
    OperatorSettings settings;
    settings.set(drain_of("main", "p1"));
    settings.set(drain_of("other", "p1"));
    Config config;
    config.clusters.resize(1);
    config.clusters[0].name = "main";
    EXPECT_THAT(settings.take_removed(config),
                ElementsAre(Field(&OperatorSetting::cluster, "other")));
    EXPECT_NE(settings.find(Operation::drain, "main", "p1"), nullptr);
}

}  // namespace
}  // namespace proxy
