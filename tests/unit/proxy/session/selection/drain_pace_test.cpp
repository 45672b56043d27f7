#include "patroni_proxy/session/selection/drain_pace.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace proxy {
namespace {

using namespace std::chrono_literals;

/// Numbered in their order.
std::vector<std::uint64_t> chosen(const std::vector<DrainCandidate>& candidates, std::size_t most,
                                  bool overdue) {
    std::vector<DrainCandidate> numbered = candidates;
    for (std::size_t i = 0; i < numbered.size(); ++i)
        numbered[i].id = SessionId(0, i);
    std::vector<std::uint64_t> numbers;
    for (const auto& each : next_to_end(numbered, most, overdue))
        numbers.push_back(std::stoull(each.id.text().substr(3)));
    return numbers;
}

DrainCandidate of(std::optional<bool> busy, std::chrono::milliseconds silence) {
    return {.id = {}, .silence = silence, .busy = busy};
}

using Numbers = std::vector<std::uint64_t>;

TEST(DrainPaceTest, OnlySessionsBetweenTransactionsEndBeforeItsTime) {
    const std::vector candidates{of(true, 9s), of(false, 1s), of(std::nullopt, 9s), of(false, 2s)};
    EXPECT_EQ(chosen(candidates, 10, false), (Numbers{3, 1})) << "longest silent first";
    EXPECT_EQ(chosen(candidates, 1, false), (Numbers{3}));
    EXPECT_EQ(chosen(candidates, 0, false), (Numbers{}));
    EXPECT_EQ(chosen({}, 10, false), (Numbers{}));
}

TEST(DrainPaceTest, AfterItsTimeThoseThatLoseTheLeastEndFirst) {
    const std::vector candidates{of(true, 9s),         of(false, 1s), of(std::nullopt, 5s),
                                 of(std::nullopt, 8s), of(true, 20s), of(false, 2s)};
    EXPECT_EQ(chosen(candidates, 10, true), (Numbers{5, 1, 3, 2, 4, 0}));
    EXPECT_EQ(chosen(candidates, 3, true), (Numbers{5, 1, 3}));
}

TEST(PaceCounterTest, CountsWholeSessions) {
    PaceCounter counter(20);
    EXPECT_EQ(counter.due(), 0U);
    counter.pass(250ms);
    EXPECT_EQ(counter.due(), 5U);
    counter.use(3);
    counter.pass(30ms);
    EXPECT_EQ(counter.due(), 2U);
    counter.pass(20ms);
    EXPECT_EQ(counter.due(), 3U);
}

TEST(PaceCounterTest, ASlowPaceSavesUpForOne) {
    PaceCounter counter(0.5);
    counter.pass(1900ms);
    EXPECT_EQ(counter.due(), 0U);
    counter.pass(200ms);
    EXPECT_EQ(counter.due(), 1U);
    counter.pass(1h);
    EXPECT_EQ(counter.due(), 1U);
}

TEST(PaceCounterTest, WhatWasNotUsedWithinASecondIsLost) {
    PaceCounter counter(20);
    counter.pass(1h);
    EXPECT_EQ(counter.due(), 20U);
}

}  // namespace
}  // namespace proxy
