#include "patroni_proxy/host/tally.h"

#include <chrono>
#include <cstddef>

#include <gtest/gtest.h>

namespace proxy {
namespace {

constexpr auto kCut = static_cast<std::size_t>(SessionEnd::member_out);
constexpr auto kClosed = static_cast<std::size_t>(SessionEnd::client_closed);
constexpr auto kFull = static_cast<std::size_t>(SessionEnd::port_full);
constexpr auto kNoBackend = static_cast<std::size_t>(SessionEnd::no_backend);

MemberTally member_tally(std::uint64_t sessions, std::uint64_t total) {
    MemberTally tally;
    tally.sessions = sessions;
    tally.sessions_total = total;
    tally.bytes_from_client = 10 * total;
    tally.bytes_from_backend = 100 * total;
    tally.connect_failures = total + 1;
    tally.ended[kClosed] = total - sessions;
    tally.connect_time.note(0.001);
    return tally;
}

TEST(TallyTest, AddsWhatTwoWorkersCounted) {
    PortTally sum;
    sum.members["p1"] = member_tally(1, 3);
    sum.refused[kFull] = 2;
    sum.queued_total = 10;
    PortTally other;
    other.members["p1"] = member_tally(2, 5);
    other.members["p1"].ended[kCut] = 7;
    other.members["p2"] = member_tally(4, 4);
    other.refused[kFull] = 3;
    other.queued_total = 20;
    other.refused[kNoBackend] = 1;
    const std::chrono::steady_clock::time_point accepted{std::chrono::hours{1}};
    sum.oldest_held = accepted;
    other.oldest_held = accepted - std::chrono::seconds{1};
    sum.held_time.note(1);
    other.held_time.note(2);
    other.session_time.note(3);

    add(sum, other);
    ASSERT_EQ(sum.members.size(), 2U);
    const auto& p1 = sum.members.at("p1");
    EXPECT_EQ(p1.sessions, 3U);
    EXPECT_EQ(p1.sessions_total, 8U);
    EXPECT_EQ(p1.bytes_from_client, 80U);
    EXPECT_EQ(p1.bytes_from_backend, 800U);
    EXPECT_EQ(p1.connect_failures, 10U);
    EXPECT_EQ(p1.ended[kClosed], 5U);
    EXPECT_EQ(p1.ended[kCut], 7U);
    EXPECT_EQ(sum.members.at("p2").sessions, 4U);
    EXPECT_EQ(sum.members.at("p2").sessions_total, 4U);
    EXPECT_EQ(sum.refused[kFull], 5U);
    EXPECT_EQ(sum.queued_total, 30U);
    EXPECT_EQ(sum.refused[kNoBackend], 1U);
    EXPECT_EQ(p1.connect_time.total(), 2U);
    EXPECT_EQ(sum.oldest_held, accepted - std::chrono::seconds{1});
    EXPECT_EQ(sum.held_time.sum, 3);
    EXPECT_EQ(sum.session_time.sum, 3);
    add(sum, {});
    EXPECT_EQ(sum.oldest_held, accepted - std::chrono::seconds{1});
}

TEST(TallyTest, NothingAddsNothing) {
    PortTally sum;
    add(sum, {});
    EXPECT_TRUE(sum.members.empty());
    EXPECT_EQ(sum.refused, SessionEndCounts{});
}

}  // namespace
}  // namespace proxy
