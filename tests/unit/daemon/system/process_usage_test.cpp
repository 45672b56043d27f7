#include "daemon/system/process_usage.h"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "daemon/system/unix_time.h"

namespace daemons {
namespace {

TEST(ProcessUsageTest, TellsMemoryAndTime) {
    const double now = unix_now();
    const ProcessUsage before = process_usage();
    EXPECT_LE(before.started_at, now);
    EXPECT_GT(before.started_at, now - 3600);
    constexpr std::size_t kSize = std::size_t{64} * 1024 * 1024;
    const std::vector<char> memory(kSize, 'x');
    const ProcessUsage after = process_usage();
    EXPECT_GE(after.resident_bytes, before.resident_bytes + kSize / 2) << memory[kSize / 2];
    EXPECT_GE(after.virtual_bytes, after.resident_bytes);
    EXPECT_GT(after.cpu_seconds, before.cpu_seconds);
    EXPECT_EQ(after.started_at, before.started_at);
}

}  // namespace
}  // namespace daemons
