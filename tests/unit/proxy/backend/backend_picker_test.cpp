#include "patroni_proxy/backend/backend_picker.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <limits>
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

void say(Backend& backend, BackendState reach) {
    backend.reachability.note_answer(backend.reachability.moment(), reach, "why");
}

/// Of the same member as that eligible one, at another address.
BackendPtr add_spare(BackendTable& table, std::size_t of) {
    table.spares.push_back(BackendPtr(new Backend{table.eligible[of]->member, {}}));
    return table.spares.back();
}

TEST(BackendPickerTest, TakesTheBackendWithTheFewestConnections) {
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

TEST(BackendPickerTest, SparesAreTriedInOrderAfterThePreferredAddress) {
    auto table = table_with({3});
    const auto s1 = add_spare(table, 0);
    const auto s2 = add_spare(table, 0);
    std::vector<const Backend*> tried;
    for (const auto& expected : {table.eligible[0], s1, s2}) {
        EXPECT_EQ(claim_backend(table, tried, 1).backend, expected);
        tried.push_back(expected.get());
    }
    EXPECT_EQ(claim_backend(table, tried, 1).backend, nullptr);
}

TEST(BackendPickerTest, OnlyBackendsWithTheFewestConnectionsTakeTurns) {
    const auto table = table_with({1, 9, 1, 9});
    std::map<std::string, int> picked;
    for (std::size_t turn = 0; turn < 8; ++turn)
        ++picked[pick(table, {}, turn)];
    EXPECT_EQ(picked, (std::map<std::string, int>{{"b0", 4}, {"b2", 4}}));
}

TEST(BackendPickerTest, TheTurnMayOverflow) {
    const auto table = table_with({0, 0, 0});
    EXPECT_EQ(pick(table, {}, ~std::size_t{0} - 2),
              "b" + std::to_string((~std::size_t{0} - 2) % 3));
}

TEST(BackendPickerTest, TriedBackendsAreLeftOut) {
    const auto table = table_with({0, 1, 2});
    EXPECT_EQ(pick(table, {0}, 0), "b1");
    EXPECT_EQ(pick(table, {1}, 1), "b0");
    EXPECT_EQ(pick(table, {1, 0}, 0), "b2");
}

TEST(BackendPickerTest, FindsNoneIfAllWereTried) {
    EXPECT_EQ(pick(table_with({0, 0}), {1, 0}, 0), "none");
}

TEST(BackendPickerTest, FindsNoneInAnEmptyTable) {
    EXPECT_EQ(pick(table_with({}), {}, 5), "none");
}

TEST(BackendPickerTest, CountsTheConnectionItClaims) {
    const auto table = table_with({3, 1});
    EXPECT_EQ(claim_backend(table, {}, 0).backend, table.eligible[1]);
    EXPECT_EQ(table.eligible[1]->connections, 2);
    EXPECT_EQ(table.eligible[0]->connections, 3);
}

TEST(BackendPickerTest, RespectsTheLimitOfConnections) {
    const auto table = table_with({2, 1});
    EXPECT_EQ(claim_backend(table, {}, 0, {.max_connections = 2}).backend, table.eligible[1]);
    const auto claim = claim_backend(table, {}, 0, {.max_connections = 2});
    EXPECT_EQ(claim.backend, nullptr);
    EXPECT_TRUE(claim.any_full);
    EXPECT_EQ(table.eligible[0]->connections, 2);
    EXPECT_EQ(table.eligible[1]->connections, 2);
}

TEST(BackendPickerTest, SaysThatTheRemainingBackendsAreFull) {
    const auto table = table_with({0, 2});
    const auto claim = claim_backend(table, {table.eligible[0].get()}, 0, {.max_connections = 2});
    EXPECT_EQ(claim.backend, nullptr);
    EXPECT_TRUE(claim.any_full);
    EXPECT_FALSE(claim_backend(table_with({}), {}, 0, {.max_connections = 2}).any_full);
}

TEST(BackendPickerTest, WorkersThatClaimAtOnceRespectTheLimit) {
    constexpr std::uint32_t kLimit = 3'000;
    const auto table = table_with({0, 0, 0});
    std::atomic<std::uint32_t> claimed{0};
    std::vector<std::thread> workers;
    for (std::size_t worker = 0; worker < 4; ++worker)
        workers.emplace_back([&] {
            // All begin with the same turn, as the workers of a proxy do.
            for (std::size_t turn = 0;
                 claim_backend(table, {}, turn, {.max_connections = kLimit}).backend; ++turn)
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

TEST(BackendPickerTest, LeavesOutUnconfirmedBackendsOnRequest) {
    const auto table = table_with({0, 3});
    say(*table.eligible[1], BackendState::accepts);
    EXPECT_EQ(claim_backend(table, {}, 0).backend, table.eligible[0]);
    const auto claim = claim_backend(table, {}, 0, {.confirmed_only = true});
    EXPECT_EQ(claim.backend, table.eligible[1]);
    EXPECT_TRUE(claim.any_unconfirmed);
    table.eligible[1]->reachability.note_doubt();
    EXPECT_EQ(claim_backend(table, {}, 0, {.confirmed_only = true}).backend, nullptr);
}

TEST(BackendPickerTest, AFailingBackendComesLastUntilItAnswers) {
    for (const auto reach : {BackendState::refuses, BackendState::hangs, BackendState::not_ready}) {
        const auto table = table_with({0, 7, 8});
        table.eligible[0]->reachability.note_failure(reach, "why");
        EXPECT_EQ(pick(table, {}, 0), "b1");
        EXPECT_EQ(pick(table, {1, 2}, 0), "b0") << "it comes all the same";
        say(*table.eligible[0], BackendState::accepts);
        EXPECT_EQ(pick(table, {}, 0), "b0");
    }
}

TEST(BackendPickerTest, IfAllFailTheFewestConnectionsDecide) {
    const auto table = table_with({5, 2, 4});
    for (const auto& backend : table.eligible)
        backend->reachability.note_failure(BackendState::refuses, "why");
    EXPECT_EQ(pick(table, {}, 0), "b1");
}

TEST(BackendPickerTest, AFailingBackendIsTakenIfTheOthersAreFull) {
    const auto table = table_with({0, 2});
    table.eligible[0]->reachability.note_failure(BackendState::hangs, "why");
    EXPECT_EQ(claim_backend(table, {}, 0, {.max_connections = 3}).backend, table.eligible[1]);
    const auto claim = claim_backend(table, {}, 0, {.max_connections = 3});
    EXPECT_EQ(claim.backend, table.eligible[0]);
    EXPECT_TRUE(claim.any_full);
}

TEST(BackendPickerTest, ASpareAddressServesWhileThePreferredOneFails) {
    auto table = table_with({1, 3});
    const auto spare = add_spare(table, 0);
    EXPECT_EQ(claim_backend(table, {}, 0).backend, table.eligible[0]);
    table.eligible[0]->reachability.note_failure(BackendState::refuses, "why");
    EXPECT_EQ(claim_backend(table, {}, 0).backend, spare);
    EXPECT_EQ(spare->connections, 1U);
    spare->reachability.note_failure(BackendState::hangs, "why");
    EXPECT_EQ(claim_backend(table, {}, 0).backend, table.eligible[1]);
}

TEST(BackendPickerTest, ASpareAddressComesAfterThePreferredOneWasTried) {
    auto table = table_with({0});
    const auto spare = add_spare(table, 0);
    const std::vector<const Backend*> tried{table.eligible[0].get()};
    EXPECT_EQ(claim_backend(table, tried, 0).backend, spare);
    EXPECT_EQ(claim_backend(table, {tried[0], spare.get()}, 0).backend, nullptr);
}

TEST(BackendPickerTest, TheLimitAppliesToAMemberOverAllItsAddresses) {
    auto table = table_with({2});
    const auto spare = add_spare(table, 0);
    table.eligible[0]->reachability.note_failure(BackendState::refuses, "why");
    EXPECT_EQ(claim_backend(table, {}, 0, {.max_connections = 3}).backend, spare);
    const auto claim = claim_backend(table, {}, 0, {.max_connections = 3});
    EXPECT_EQ(claim.backend, nullptr);
    EXPECT_TRUE(claim.any_full);
}

TEST(BackendPickerTest, ListsTheUnconfirmedCandidates) {
    auto table = table_with({0, 0, 0});
    const auto spare = add_spare(table, 2);
    say(*table.eligible[1], BackendState::accepts);
    EXPECT_EQ(unconfirmed_candidates(table, {}),
              (std::vector<BackendPtr>{table.eligible[0], table.eligible[2]}));
    table.eligible[2]->reachability.note_failure(BackendState::refuses, "why");
    EXPECT_EQ(unconfirmed_candidates(table, {table.eligible[0].get()}),
              (std::vector<BackendPtr>{table.eligible[2], spare}));
}

TEST(BackendPickerTest, RespectsTheRateOfConnections) {
    using namespace std::chrono_literals;
    constexpr std::uint32_t kRate = 1'000;
    const auto table = table_with({0});
    const auto claim = [&] { return claim_backend(table, {}, 0, {.max_rate = kRate}); };
    const auto start = std::chrono::steady_clock::now();
    std::uint32_t claimed = 0;
    while (claimed < kRate / 4 && std::chrono::steady_clock::now() < start + 10s)
        claimed += claim().backend ? 1U : 0U;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    // What would have come within the window may come at once.
    const std::chrono::duration<double> window = kRateWindow;
    EXPECT_LE(claimed, kRate * (took.count() + window.count()) + 1);
    EXPECT_EQ(claimed, kRate / 4) << "within ten seconds";
    table.eligible[0]->paid_until = std::numeric_limits<std::int64_t>::max() / 2;
    EXPECT_EQ(claim().backend, nullptr);
    EXPECT_TRUE(claim().any_rate_limited);
    EXPECT_EQ(table.eligible[0]->connections, claimed) << "who only looked is not counted";
}

TEST(BackendPickerTest, TheFirstConnectionNeverWaitsHoweverLowTheRate) {
    const auto table = table_with({0, 0});
    EXPECT_EQ(claim_backend(table, {}, 0, {.max_rate = 1}).backend, table.eligible[0]);
    EXPECT_EQ(claim_backend(table, {}, 0, {.max_rate = 1}).backend, table.eligible[1]);
    EXPECT_EQ(claim_backend(table, {}, 0, {.max_rate = 1}).backend, nullptr);
}

}  // namespace
}  // namespace proxy
