#include "patroni_proxy/worker.h"

#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "served_port.h"

namespace proxy {
namespace {

using support::Closed;
using support::FakeBackend;
using support::TestClient;

/// Gives the server's end to a worker and keeps the client's.
TestClient hand_over(Worker& worker, std::size_t port = 0) {
    AcceptedClient pair;
    worker.serve(port, std::move(pair.accepted), pair.address);
    return std::move(pair.client);
}

void wait_for_load(const Worker& worker, std::size_t load) {
    support::eventually([&] { return worker.load() == load; }, "a load of " + std::to_string(load));
}

void use(Worker& worker, std::size_t port, const BackendTablePtr& table) {
    run_on(worker.loop(), [&] { worker.use(port, table); });
}

TEST(WorkerTest, ServesWhatAnotherThreadHandsOver) {
    const FakeBackend p1({.name = "p1"});
    Worker worker({"c/p"});
    worker.start();
    use(worker, 0, table_of({backend_for(p1)}));
    EXPECT_EQ(hand_over(worker).receive_line(), "p1");
}

TEST(WorkerTest, ServesAtOnceWhatItsOwnThreadHandsOver) {
    const FakeBackend p1({.name = "p1"});
    const auto backend = backend_for(p1);
    Worker worker({"c/p"});
    worker.start();
    use(worker, 0, table_of({backend}));
    AcceptedClient pair;
    run_on(worker.loop(), [&] {
        worker.serve(0, std::move(pair.accepted), pair.address);
        EXPECT_EQ(backend->connections, 1U);
    });
    EXPECT_EQ(pair.client.receive_line(), "p1");
    EXPECT_EQ(worker.load(), 1U);
}

TEST(WorkerTest, EachPortHasItsOwnTable) {
    const FakeBackend p1({.name = "p1"});
    const FakeBackend p2({.name = "p2"});
    Worker worker({"c/rw", "c/ro", "c/empty"});
    worker.start();
    use(worker, 0, table_of({backend_for(p1)}));
    use(worker, 1, table_of({backend_for(p2)}));
    EXPECT_EQ(hand_over(worker, 0).receive_line(), "p1");
    EXPECT_EQ(hand_over(worker, 1).receive_line(), "p2");
    EXPECT_EQ(hand_over(worker, 2).wait_for_close(), Closed::fin);
}

TEST(WorkerTest, LoadCountsASessionFromTheHandOverToItsEnd) {
    const FakeBackend p1;
    Worker worker({"c/rw", "c/ro"});
    worker.use(0, table_of({backend_for(p1)}));
    // Not started: nobody has taken them yet, and still they count.
    auto first = hand_over(worker, 0);
    auto second = hand_over(worker, 0);
    auto refused = hand_over(worker, 1);
    EXPECT_EQ(worker.load(), 3U);
    worker.start();
    EXPECT_EQ(refused.wait_for_close(), Closed::fin);
    (void)first.receive_line();
    (void)second.receive_line();
    wait_for_load(worker, 2);
    first.half_close();
    wait_for_load(worker, 1);
    second.reset();
    wait_for_load(worker, 0);
}

TEST(WorkerTest, TakesFromManyThreadsAtOnce) {
    constexpr int kThreads = 4;
    constexpr int kEach = 25;
    const FakeBackend p1;
    const auto backend = backend_for(p1);
    Worker worker({"c/p"});
    worker.start();
    use(worker, 0, table_of({backend}));
    std::vector<std::vector<TestClient>> clients(kThreads);
    std::vector<std::thread> threads;
    for (auto& its_clients : clients)
        threads.emplace_back([&worker, &its_clients] {
            for (int i = 0; i < kEach; ++i)
                its_clients.push_back(hand_over(worker));
        });
    for (auto& thread : threads)
        thread.join();
    p1.wait_for_sessions(kThreads * kEach);
    EXPECT_EQ(worker.load(), std::size_t{kThreads * kEach});
    EXPECT_EQ(backend->connections, std::uint32_t{kThreads * kEach});
    clients.clear();
    wait_for_load(worker, 0);
    EXPECT_EQ(backend->connections, 0U);
}

TEST(WorkerTest, SessionsEndWithIt) {
    const FakeBackend p1;
    const auto backend = backend_for(p1);
    std::optional<Worker> worker(std::in_place, std::vector<std::string>{"c/p"});
    worker->start();
    use(*worker, 0, table_of({backend}));
    auto client = hand_over(*worker);
    (void)client.receive_line();
    worker->stop();
    worker->stop();
    worker.reset();
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    p1.wait_for_resets(1);
    EXPECT_EQ(backend->connections, 0U);
}

TEST(WorkerTest, WhatComesAfterItsEndIsClosedWithIt) {
    std::optional<Worker> worker(std::in_place, std::vector<std::string>{"c/p"});
    worker->start();
    worker->stop();
    auto client = hand_over(*worker);
    worker.reset();
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
}

}  // namespace
}  // namespace proxy
