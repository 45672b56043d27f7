#include "daemon/text/iso_time.h"

#include <limits>

#include <gtest/gtest.h>

namespace daemons {
namespace {

TEST(IsoTimeTest, IsUtcToTheMillisecond) {
    EXPECT_EQ(iso_time(1'795'000'000.25), "2026-11-18T11:06:40.250Z");
    EXPECT_EQ(iso_time(0.0), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(iso_time(1'795'000'000.9996), "2026-11-18T11:06:41.000Z");
}

TEST(IsoTimeTest, WhatIsNoTimeHasNone) {
    for (const double time : {-1.0, 1e15, std::numeric_limits<double>::infinity(),
                              std::numeric_limits<double>::quiet_NaN()})
        EXPECT_EQ(iso_time(time), std::nullopt);
    EXPECT_EQ(iso_time(std::optional<double>()), std::nullopt);
}

}  // namespace
}  // namespace daemons
