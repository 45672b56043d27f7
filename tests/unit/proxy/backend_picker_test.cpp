#include "patroni_proxy/backend_picker.h"

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace proxy {
namespace {

/// Eligible backends b0, b1, ... with these many connections.
BackendTable table_with(std::initializer_list<std::uint32_t> connections) {
    BackendTable table;
    for (const std::uint32_t count : connections) {
        const std::string name = "b" + std::to_string(table.eligible.size());
        table.eligible.push_back(BackendPtr(new Backend{name, {}}));
        table.eligible.back()->connections = count;
    }
    return table;
}

std::string pick(const BackendTable& table, const std::vector<std::size_t>& tried_indexes,
                 std::size_t turn) {
    std::vector<const Backend*> tried;
    for (const std::size_t index : tried_indexes)
        tried.push_back(table.eligible[index].get());
    const auto claim = claim_backend(table, tried, turn);
    if (!claim.backend)
        return "none";
    --claim.backend->connections;  // a look
    return claim.backend->member;
}

TEST(BackendPickerTest, TakesTheOneWithTheFewestConnectionsWhateverTheTurn) {
    const auto table = table_with({3, 1, 2});
    for (std::size_t turn = 0; turn < 7; ++turn)
        EXPECT_EQ(pick(table, {}, turn), "b1") << turn;
}

TEST(BackendPickerTest, EqualsAreTakenInTurn) {
    const auto table = table_with({5, 5, 5});
    const std::vector<std::string> expected{"b0", "b1", "b2", "b0", "b1"};
    for (std::size_t turn = 0; turn < expected.size(); ++turn)
        EXPECT_EQ(pick(table, {}, turn), expected[turn]);
}

TEST(BackendPickerTest, OnlyTheEqualAndFewestTakeTurns) {
    const auto table = table_with({1, 9, 1, 9});
    std::map<std::string, int> picked;
    for (std::size_t turn = 0; turn < 8; ++turn)
        ++picked[pick(table, {}, turn)];
    EXPECT_EQ(picked, (std::map<std::string, int>{{"b0", 4}, {"b2", 4}}));
}

TEST(BackendPickerTest, TheTurnMayRunOver) {
    const auto table = table_with({0, 0, 0});
    EXPECT_EQ(pick(table, {}, ~std::size_t{0} - 2),
              "b" + std::to_string((~std::size_t{0} - 2) % 3));
}

TEST(BackendPickerTest, WhatWasTriedIsPassedOver) {
    const auto table = table_with({0, 1, 2});
    EXPECT_EQ(pick(table, {0}, 0), "b1");
    EXPECT_EQ(pick(table, {1}, 1), "b0");
    EXPECT_EQ(pick(table, {1, 0}, 0), "b2");
}

TEST(BackendPickerTest, NoneIsLeftWhenAllWereTried) {
    EXPECT_EQ(pick(table_with({0, 0}), {1, 0}, 0), "none");
}

TEST(BackendPickerTest, AnEmptyTableHasNone) {
    EXPECT_EQ(pick(table_with({}), {}, 5), "none");
}

TEST(BackendPickerTest, CountsTheConnectionItClaims) {
    const auto table = table_with({3, 1});
    EXPECT_EQ(claim_backend(table, {}, 0).backend, table.eligible[1]);
    EXPECT_EQ(table.eligible[1]->connections, 2);
    EXPECT_EQ(table.eligible[0]->connections, 3);
}

TEST(BackendPickerTest, ClaimsNoneBeyondTheLimit) {
    const auto table = table_with({2, 1});
    EXPECT_EQ(claim_backend(table, {}, 0, {2}).backend, table.eligible[1]);
    const auto claim = claim_backend(table, {}, 0, {2});
    EXPECT_EQ(claim.backend, nullptr);
    EXPECT_TRUE(claim.met_full);
    EXPECT_EQ(table.eligible[0]->connections, 2);
    EXPECT_EQ(table.eligible[1]->connections, 2);
}

TEST(BackendPickerTest, ThatAllUntriedOnesAreFullIsTold) {
    const auto table = table_with({0, 2});
    const auto claim = claim_backend(table, {table.eligible[0].get()}, 0, {2});
    EXPECT_EQ(claim.backend, nullptr);
    EXPECT_TRUE(claim.met_full);
    EXPECT_FALSE(claim_backend(table_with({}), {}, 0, {2}).met_full);
}

TEST(BackendPickerTest, WorkersThatClaimAtOnceNeitherMeetNorExceedTheLimit) {
    constexpr std::uint32_t kLimit = 3'000;
    const auto table = table_with({0, 0, 0});
    std::atomic<std::uint32_t> claimed{0};
    std::vector<std::thread> workers;
    for (std::size_t worker = 0; worker < 4; ++worker)
        workers.emplace_back([&] {
            // All begin with the same turn, as the workers of a proxy do.
            for (std::size_t turn = 0; claim_backend(table, {}, turn, {kLimit}).backend; ++turn)
                ++claimed;
        });
    for (auto& worker : workers)
        worker.join();
    EXPECT_EQ(claimed, 3 * kLimit);
    for (const auto& backend : table.eligible)
        EXPECT_EQ(backend->connections, kLimit);
}

TEST(BackendPickerTest, WorkersThatClaimAtOnceSpreadEvenly) {
    for (int round = 0; round < 200; ++round) {
        const auto table = table_with({0, 0});
        std::vector<std::thread> workers;
        for (std::size_t worker = 0; worker < 2; ++worker)
            workers.emplace_back([&] { EXPECT_TRUE(claim_backend(table, {}, 0).backend); });
        for (auto& worker : workers)
            worker.join();
        ASSERT_EQ(table.eligible[0]->connections, 1) << round;
        ASSERT_EQ(table.eligible[1]->connections, 1) << round;
    }
}

}  // namespace
}  // namespace proxy
