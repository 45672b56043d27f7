// A minute of everything at once, or LOAD_SECONDS: memory and descriptors stay as they were, and
// no client is refused while there is a backend for it. And everybody at once after a failover.

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <map>
#include <sys/resource.h>
#include <thread>

#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"

using support::Clock;
using support::TestClient;

namespace {

constexpr std::size_t kMemorySlackKb = 2'048;
constexpr std::size_t kDescriptorSlack = 16;

std::chrono::seconds duration() {
    const char* text = std::getenv("LOAD_SECONDS");
    return std::chrono::seconds(text != nullptr ? std::atol(text) : 60);
}

class Load : public testing::Test {
  protected:
    [[nodiscard]] std::string config(bool more) const {
        std::map<std::string, std::string> ports{{"any", "roles: [any]"},
                                                 {"master", "roles: [leader]"}};
        if (more) {
            ports["any"] += ", max_connections: 900";
            ports["more"] = "roles: [leader]";
        }
        return config_top("drain_timeout: 1s\nlog: {sessions: failed}\n") +
               cluster_.section("c", ports);
    }
    /// Connects, says something, and goes: every member may serve it, whatever its role.
    void come_and_go() {
        while (!done_) {
            try {
                TestClient client("127.0.0.1", port_);
                if (client.receive_line().empty())
                    ++refused_;
                client.send("payload\n");
                client.receive_line();
                ++served_;
            } catch (const std::exception&) {
                ++refused_;
            }
        }
    }
    /// Stays with the leader until a swap ends that, and comes back.
    void stay_with_the_leader() {
        while (!done_) {
            try {
                TestClient client("127.0.0.1", master_);
                client.receive_line();
                while (!done_ && !client.closed_now()) {
                    client.send("payload\n");
                    client.receive_line();
                }
            } catch (const std::exception&) {
                ++cut_;
            }
        }
    }
    /// What happens meanwhile.
    void disturb(ProxyUnderTest& proxy, std::size_t& turn) {
        ++turn;
        cluster_.lead_by(turn % 2);
        proxy.update_clusters();
        proxy.write_config(config(turn % 2 == 0));
        proxy.daemon().signal(SIGHUP);
        proxy.wait_for_metric("reloads_total", static_cast<double>(turn));
        (void)proxy.get("/status");
    }
    /// As little as there can be: every client in between two sessions, and nothing to drain.
    void settle(ProxyUnderTest& proxy, std::size_t& turn) {
        if (turn % 2 == 0)
            disturb(proxy, turn);
        proxy.wait_for_metric("sessions_open", kHeld);
    }

    static constexpr int kHeld = 50;
    FakeCluster cluster_{3};
    std::uint16_t port_ = 0;
    std::uint16_t master_ = 0;
    std::atomic<std::size_t> cut_{0};
    std::atomic<bool> done_{false};
    std::atomic<std::size_t> served_{0};
    std::atomic<std::size_t> refused_{0};
};

TEST_F(Load, MemoryAndDescriptorsStayFlatAndNobodyIsRefused) {
    ProxyUnderTest proxy(config(false));
    port_ = proxy.port("c/any");
    master_ = proxy.port("c/master");
    std::vector<TestClient> held;
    for (int i = 0; i < kHeld; ++i) {
        held.push_back(proxy.connect("c/any"));
        held.back().receive_line();
    }
    std::size_t turn = 0;
    const auto run_for = [&](Clock::duration time) {
        done_ = false;
        std::vector<std::thread> clients;
        for (int i = 0; i < 4; ++i)
            clients.emplace_back([&] { come_and_go(); });
        for (int i = 0; i < 2; ++i)
            clients.emplace_back([&] { stay_with_the_leader(); });
        const auto end = Clock::now() + time;
        while (Clock::now() < end)
            disturb(proxy, turn);
        done_ = true;
        for (auto& client : clients)
            client.join();
        settle(proxy, turn);
    };
    run_for(duration() / 4);
    const std::size_t memory = proxy.memory_kb();
    const std::size_t descriptors = proxy.open_descriptors();
    run_for(duration() * 3 / 4);
    std::cout << served_ << " sessions, " << cut_ << " ended or refused in swaps, " << turn
              << " reloads, pushes and swaps; memory " << memory << " kB, then "
              << proxy.memory_kb() << " kB; descriptors " << descriptors << ", then "
              << proxy.open_descriptors() << '\n';
    EXPECT_EQ(refused_, 0U);
    EXPECT_GT(served_, 100U);
    EXPECT_LE(proxy.memory_kb(), memory + kMemorySlackKb);
    EXPECT_LE(proxy.open_descriptors(), descriptors + kDescriptorSlack);
    for (auto& client : held) {
        client.send("still here\n");
        EXPECT_EQ(client.receive_line(), "still here");
    }
}

/// As many descriptors as the system lets us have.
std::size_t raise_descriptor_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

TEST(Stampede, ThousandsThatComeBackAtOnceAreAllServedAtTheRateThatIsAllowed) {
    constexpr int kRate = 2'000;
    // Both ends of every session are ours, and the proxy has as many.
    const auto most = static_cast<int>(std::min<std::size_t>(5'000, raise_descriptor_limit() / 3));
    FakeCluster cluster(2);
    cluster.lead_by_nobody();
    const ProxyUnderTest proxy(
        config_top("log: {sessions: failed}\n") +
        cluster.section("c", {{"master", "roles: [leader], queue_timeout: 1h, max_connect_rate: " +
                                             std::to_string(kRate)}}));
    std::vector<TestClient> clients;
    for (int i = 0; i < most; ++i)
        clients.push_back(proxy.connect("c/master"));
    proxy.wait_for_metric(R"(port_sessions_queued{cluster="c",port="master"})", most);
    const std::size_t memory = proxy.memory_kb();
    cluster.lead_by(1);
    proxy.update_clusters();
    const auto start = Clock::now();
    for (auto& client : clients)
        EXPECT_EQ(client.receive_line(), "b2");
    const std::chrono::duration<double> took = Clock::now() - start;
    std::cout << most << " clients served within " << took.count() << " s, " << memory
              << " kB while they were held\n";
    // Those of a fiftieth of a second may come at once.
    EXPECT_GE(took.count() + 0.1, static_cast<double>(most) / kRate);
    cluster.backends[1]->wait_for_sessions(clients.size());
}

}  // namespace
