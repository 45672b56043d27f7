#include "patroni_proxy/backend_picker.h"

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
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
    const auto backend = pick_backend(table, tried, turn);
    return backend ? backend->member : "none";
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

}  // namespace
}  // namespace proxy
