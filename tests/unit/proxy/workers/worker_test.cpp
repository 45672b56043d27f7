#include "patroni_proxy/workers/worker.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "unit/proxy/port/served_port.h"

namespace proxy {
namespace {

using support::Closed;
using support::FakeBackend;
using support::TestClient;

constexpr PortId kPortRw = 3;
constexpr PortId kPortRo = 4;
constexpr PortId kEmpty = 5;

/// Of a started worker or of one that is not started yet.
class WorkerTest : public testing::Test {
  protected:
    /// Gives the server's end to a worker and keeps the client's.
    static TestClient hand_over(Worker& worker, PortId port = kPortRw) {
        AcceptedClient pair;
        worker.serve(port, std::move(pair.accepted), pair.address);
        return std::move(pair.client);
    }
    static void wait_for_load(const Worker& worker, std::size_t load) {
        support::eventually([&] { return worker.load() == load; },
                            "a load of " + std::to_string(load));
    }
    static void add(Worker& worker, PortId port) { worker.add(make_port(port), settings_of()); }
    static void use(Worker& worker, PortId port, const BackendTablePtr& table) {
        run_on(worker.loop(), [&] { worker.use(port, table); });
    }
    static void use(Worker& worker, PortId port, const PortSettings& settings) {
        run_on(worker.loop(), [&] { worker.use(port, settings_of(settings)); });
    }
    static std::map<PortId, PortTally> tallies_of(Worker& worker) {
        std::map<PortId, PortTally> tallies;
        run_on(worker.loop(), [&] { tallies = worker.tallies(); });
        return tallies;
    }

    ProcessSessions process_;
};

TEST_F(WorkerTest, ServesWhatAnotherThreadHandsOver) {
    const FakeBackend p1({.name = "p1"});
    Worker worker(process_);
    add(worker, kPortRw);
    worker.start();
    use(worker, kPortRw, table_of({backend_for(p1)}));
    EXPECT_EQ(hand_over(worker).receive_line(), "p1");
}

TEST_F(WorkerTest, ServesAtOnceWhatItsOwnThreadHandsOver) {
    const FakeBackend p1({.name = "p1"});
    const auto backend = backend_for(p1);
    Worker worker(process_);
    add(worker, kPortRw);
    worker.start();
    use(worker, kPortRw, table_of({backend}));
    AcceptedClient pair;
    run_on(worker.loop(), [&] {
        worker.serve(kPortRw, std::move(pair.accepted), pair.address);
        EXPECT_EQ(backend->connections, 1U);
    });
    EXPECT_EQ(pair.client.receive_line(), "p1");
    EXPECT_EQ(worker.load(), 1U);
}

TEST_F(WorkerTest, EachPortHasItsOwnTable) {
    const FakeBackend p1({.name = "p1"});
    const FakeBackend p2({.name = "p2"});
    Worker worker(process_);
    for (const PortId port : {kPortRw, kPortRo, kEmpty})
        add(worker, port);
    worker.start();
    use(worker, kPortRw, table_of({backend_for(p1)}));
    use(worker, kPortRo, table_of({backend_for(p2)}));
    EXPECT_EQ(hand_over(worker, kPortRw).receive_line(), "p1");
    EXPECT_EQ(hand_over(worker, kPortRo).receive_line(), "p2");
    EXPECT_EQ(hand_over(worker, kEmpty).wait_for_close(), Closed::fin);
}

TEST_F(WorkerTest, LoadCountsASessionFromTheHandOverToItsEnd) {
    const FakeBackend p1;
    Worker worker(process_);
    add(worker, kPortRw);
    add(worker, kPortRo);
    worker.use(kPortRw, table_of({backend_for(p1)}));
    // Not started: nobody has taken them yet, and still they count.
    auto first = hand_over(worker, kPortRw);
    auto second = hand_over(worker, kPortRw);
    auto refused = hand_over(worker, kPortRo);
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

TEST_F(WorkerTest, TakesFromManyThreadsAtOnce) {
    constexpr int kThreads = 4;
    constexpr int kEach = 25;
    const FakeBackend p1;
    const auto backend = backend_for(p1);
    Worker worker(process_);
    add(worker, kPortRw);
    worker.start();
    use(worker, kPortRw, table_of({backend}));
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

TEST_F(WorkerTest, SessionsEndWithIt) {
    const FakeBackend p1;
    const auto backend = backend_for(p1);
    std::optional<Worker> worker(std::in_place, process_);
    add(*worker, kPortRw);
    worker->start();
    use(*worker, kPortRw, table_of({backend}));
    auto client = hand_over(*worker);
    (void)client.receive_line();
    worker->stop();
    worker->stop();
    worker.reset();
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    p1.wait_for_resets(1);
    EXPECT_EQ(backend->connections, 0U);
}

TEST_F(WorkerTest, WhatComesAfterItsEndIsClosedWithIt) {
    std::optional<Worker> worker(std::in_place, process_);
    add(*worker, kPortRw);
    worker->start();
    worker->stop();
    auto client = hand_over(*worker);
    worker.reset();
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
}

TEST_F(WorkerTest, APortAddedWhileItRunsIsServed) {
    const FakeBackend p1({.name = "p1"});
    Worker worker(process_);
    worker.start();
    EXPECT_EQ(hand_over(worker).wait_for_close(), Closed::fin) << "there is no such port yet";
    run_on(worker.loop(), [&] { add(worker, kPortRw); });
    use(worker, kPortRw, table_of({backend_for(p1)}));
    EXPECT_EQ(hand_over(worker).receive_line(), "p1");
}

TEST_F(WorkerTest, ARemovedPortEndsItsSessionsAndNoOthers) {
    const FakeBackend p1({.name = "p1"});
    const FakeBackend p2({.name = "p2"});
    const auto backend = backend_for(p1);
    Worker worker(process_);
    add(worker, kPortRw);
    add(worker, kPortRo);
    worker.start();
    use(worker, kPortRw, table_of({backend}));
    use(worker, kPortRo, table_of({backend_for(p2)}));
    std::vector<TestClient> removed;
    for (int i = 0; i < 10; ++i) {
        removed.push_back(hand_over(worker, kPortRw));
        (void)removed.back().receive_line();
    }
    auto other = hand_over(worker, kPortRo);
    (void)other.receive_line();

    run_on(worker.loop(), [&] { worker.remove(kPortRw, SessionEnd::port_removed); });
    for (auto& client : removed)
        EXPECT_EQ(client.wait_for_close(), Closed::fin);
    p1.wait_for_resets(10);
    wait_for_load(worker, 1);
    EXPECT_EQ(backend->connections, 0U);
    EXPECT_EQ(process_.open, 1U);
    other.send("alive");
    EXPECT_EQ(other.receive(5), "alive");

    // A client that was handed over meanwhile is closed and no longer counted.
    EXPECT_EQ(hand_over(worker, kPortRw).wait_for_close(), Closed::fin);
    wait_for_load(worker, 1);
    // What still comes for it is for nobody.
    use(worker, kPortRw, table_of({backend}));
    use(worker, kPortRw, PortSettings{});
    run_on(worker.loop(), [&] { worker.remove(kPortRw, SessionEnd::port_removed); });
    EXPECT_EQ(tallies_of(worker).count(kPortRw), 0U);
    EXPECT_EQ(tallies_of(worker).count(kPortRo), 1U);
}

TEST_F(WorkerTest, ARemovedPortEndsASessionThatIsStillConnecting) {
    const FakeBackend silent({.accept = support::BackendOptions::Accept::never});
    const auto backend = backend_for(silent);
    Worker worker(process_);
    add(worker, kPortRw);
    worker.start();
    use(worker, kPortRw, table_of({backend}));
    auto client = hand_over(worker);
    wait_for_connections(backend, 1);
    run_on(worker.loop(), [&] { worker.remove(kPortRw, SessionEnd::port_removed); });
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    wait_for_load(worker, 0);
    EXPECT_EQ(backend->connections, 0U);
}

TEST_F(WorkerTest, SettingsAreForTheirPortAlone) {
    const FakeBackend p1({.name = "p1"});
    Worker worker(process_);
    add(worker, kPortRw);
    add(worker, kPortRo);
    worker.start();
    use(worker, kPortRw, table_of({backend_for(p1)}));
    use(worker, kPortRo, table_of({backend_for(p1)}));
    PortSettings settings;
    settings.allow = {net::Network::parse("10.0.0.0/8").value()};
    use(worker, kPortRw, settings);
    EXPECT_EQ(hand_over(worker, kPortRw).wait_for_close(), Closed::fin);
    EXPECT_EQ(hand_over(worker, kPortRo).receive_line(), "p1");
    const auto not_allowed = static_cast<std::size_t>(SessionEnd::not_allowed);
    EXPECT_EQ(tallies_of(worker).at(kPortRw).refused[not_allowed], 1U);
    EXPECT_EQ(tallies_of(worker).at(kPortRo).refused[not_allowed], 0U);
}

TEST_F(WorkerTest, WorkersShareTheLimitOfTheProcess) {
    const FakeBackend p1;
    process_.max_places = 2;
    const auto port = make_port(kPortRw);
    std::vector<std::unique_ptr<Worker>> workers;
    for (int i = 0; i < 2; ++i) {
        workers.push_back(std::make_unique<Worker>(process_));
        workers.back()->add(port, settings_of());
        workers.back()->start();
        use(*workers.back(), kPortRw, table_of({backend_for(p1)}));
    }
    auto first = hand_over(*workers[0]);
    auto second = hand_over(*workers[1]);
    (void)first.receive_line();
    (void)second.receive_line();
    EXPECT_EQ(hand_over(*workers[0]).wait_for_close(), Closed::fin);
    EXPECT_EQ(hand_over(*workers[1]).wait_for_close(), Closed::fin);
    first.half_close();
    support::eventually([&] { return port->sessions == 1; }, "one session on both workers");
    (void)hand_over(*workers[1]).receive_line();
}

}  // namespace
}  // namespace proxy
