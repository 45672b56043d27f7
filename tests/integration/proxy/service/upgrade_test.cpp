// A running proxy hands everything over to a new process of the same program: its clients and its
// backends notice nothing.

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <memory>
#include <poll.h>
#include <random>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"
#include "support/sockets/notify_socket.h"
#include "support/sockets/socket.h"

using support::TestClient;
using testing::HasSubstr;

namespace {

constexpr int kUpgrades = 10;

/// Connects, sends a line, reads it back and leaves, without a pause; counts what fails.
class Visitors {
  public:
    explicit Visitors(std::uint16_t port)
        : thread_([this, port](const std::stop_token& stop) {
              while (!stop.stop_requested()) {
                  try {
                      TestClient client("127.0.0.1", port);
                      failed_ += client.receive_line() == "b1" && still_echoes(client) ? 0 : 1;
                  } catch (const std::exception&) {
                      ++failed_;
                  }
                  ++visits_;
              }
          }) {}
    [[nodiscard]] int failed() const { return failed_; }
    void wait_for_more(int count = 5) const {
        const int until = visits_ + count;
        support::eventually([&] { return visits_ >= until; }, "visitors");
    }

  private:
    std::atomic<int> visits_{0};
    std::atomic<int> failed_{0};
    std::jthread thread_;
};

/// Sends random bytes as fast as they are taken, while another thread reads them back and compares.
class BulkSession {
  public:
    BulkSession(std::uint16_t port, unsigned seed) : client_("127.0.0.1", port) {
        EXPECT_EQ(client_.receive_line(), "b1");
        sender_ = std::jthread([this, seed](const std::stop_token& stop) {
            std::mt19937 random(seed);
            while (!stop.stop_requested() && send_all(block_of(random)))
                ++sent_;
            ::shutdown(client_.fd(), SHUT_WR);
        });
        reader_ = std::jthread([this, seed] {
            std::mt19937 random(seed);
            try {
                while (client_.receive(kBlock) == block_of(random))
                    ++read_;
                problem_ = "other bytes than were sent";
            } catch (const std::exception& error) {
                problem_ = error.what();  // as at the end
            }
        });
    }
    void wait_for_more(int blocks = 5) const {
        const int until = read_ + blocks;
        support::eventually([&] { return read_ >= until; }, "bytes to come back");
    }
    /// Whether every byte has come back, when this side has ended.
    [[nodiscard]] testing::AssertionResult is_whole() {
        sender_.request_stop();
        sender_.join();
        reader_.join();
        if (read_ == sent_)
            return testing::AssertionSuccess();
        return testing::AssertionFailure()
               << read_ << " of " << sent_ << " blocks came back: " << problem_;
    }

  private:
    static std::string block_of(std::mt19937& random) {
        std::string block(kBlock, '\0');
        for (char& each : block)
            each = static_cast<char>(random());
        return block;
    }

    bool send_all(const std::string& block) {
        std::size_t sent = 0;
        while (sent < block.size()) {
            const auto count =
                ::send(client_.fd(), block.data() + sent, block.size() - sent, MSG_NOSIGNAL);
            if (count > 0)
                sent += static_cast<std::size_t>(count);
            else if (errno != EAGAIN ||
                     !support::wait_ready(client_.fd(), POLLOUT,
                                          support::Clock::now() + support::default_timeout))
                return false;
        }
        return true;
    }

    static constexpr std::size_t kBlock = 20'000;

    TestClient client_;
    std::atomic<int> sent_{0};  ///< blocks
    std::atomic<int> read_{0};
    std::string problem_;
    std::jthread sender_;
    std::jthread reader_;
};

class Upgrade : public testing::Test {
  protected:
    [[nodiscard]] std::string path(const std::string& name) const {
        return (directory_.path() / name).string();
    }
    [[nodiscard]] std::string config(const std::string& keys_of_master = "roles: [leader]") const {
        return config_top("control: {socket: " + path("control.sock") +
                          "}\nhaproxy_socket: " + path("haproxy.sock") + "\n") +
               cluster_.section("c", {{"master", keys_of_master}, {"any", "roles: [any]"}});
    }
    [[nodiscard]] std::string command(const std::vector<std::string>& words) const {
        std::vector<std::string> argv{PROXY_BINARY};
        argv.insert(argv.end(), words.begin(), words.end());
        argv.insert(argv.end(), {"--control", path("control.sock")});
        const auto result = support::run(argv);
        return std::to_string(result.status.code) + " " + result.out + result.err;
    }

    const support::TempDir directory_;
    FakeCluster cluster_{2};
};

const std::string kTotal = R"(backend_sessions_total{cluster="c",port="master",member="b1"})";
const std::string kFromClient =
    R"(backend_from_client_bytes_total{cluster="c",port="master",member="b1"})";

TEST_F(Upgrade, ClientsNoticeNothingOfTenInARow) {
    ProxyUnderTest proxy(config());
    std::vector<TestClient> idle;
    for (int i = 0; i < 20; ++i) {
        idle.push_back(proxy.connect("c/master"));
        EXPECT_EQ(idle.back().receive_line(), "b1");
    }
    std::vector<std::unique_ptr<BulkSession>> bulk;
    for (unsigned i = 0; i < 4; ++i)
        bulk.push_back(std::make_unique<BulkSession>(proxy.port("c/master"), i));
    const Visitors visitors(proxy.port("c/master"));
    const std::uint16_t port = proxy.port("c/master");
    double total = 0;
    double bytes = 0;
    for (int i = 0; i < kUpgrades; ++i) {
        proxy.upgrade();
        EXPECT_EQ(proxy.port("c/master"), port);
        for (auto& client : idle)
            EXPECT_TRUE(still_echoes(client));
        for (const auto& each : bulk)
            each->wait_for_more();
        visitors.wait_for_more();
        const double total_now = proxy.metric(kTotal);
        EXPECT_GT(total_now, total);
        total = total_now;
        const double bytes_now = proxy.metric(kFromClient);
        EXPECT_GT(bytes_now, bytes);
        bytes = bytes_now;
    }
    EXPECT_EQ(visitors.failed(), 0);
    for (const auto& each : bulk)
        EXPECT_TRUE(each->is_whole());
    EXPECT_THAT(proxy.get("/sessions"), HasSubstr("\"total\": "));
}

TEST_F(Upgrade, EachGenerationHasTheSameDescriptors) {
    ProxyUnderTest proxy(config());
    std::vector<TestClient> clients;
    for (int i = 0; i < 5; ++i) {
        clients.push_back(proxy.connect("c/master"));
        EXPECT_EQ(clients.back().receive_line(), "b1");
    }
    const auto descriptors_once_settled = [&](std::size_t expected) {
        support::eventually([&] { return proxy.open_descriptors() <= expected; },
                            std::to_string(expected) + " descriptors");
    };
    proxy.upgrade();
    std::size_t settled = 0;
    support::eventually(
        [&] {
            const auto now = proxy.open_descriptors();
            return std::exchange(settled, now) == now;
        },
        "descriptors to settle");
    for (int i = 0; i < 4; ++i) {
        proxy.upgrade();
        descriptors_once_settled(settled);
    }
    for (auto& client : clients)
        EXPECT_TRUE(still_echoes(client));
}

TEST_F(Upgrade, TheOldProcessEndsOnceTheNewOneServes) {
    ProxyUnderTest proxy(config());
    TestClient client = proxy.connect("c/master");
    EXPECT_EQ(client.receive_line(), "b1");
    proxy.upgrade();
    support::eventually([&] { return !proxy.daemon().running(); }, "the old process to end");
    EXPECT_TRUE(still_echoes(client));
    client.close();
    proxy.wait_for_metric("sessions_open", 0);
    cluster_.backends[0]->wait_for_sessions(0);
}

TEST_F(Upgrade, HeldClientsKeepTheirPlaceAndWhatTheyHaveSaid) {
    cluster_.lead_by_nobody();
    ProxyUnderTest proxy(config("roles: [leader], queue_timeout: 1h, max_connections: 1"));
    const std::string queued = R"(port_sessions_queued{cluster="c",port="master"})";
    std::vector<TestClient> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(proxy.connect("c/master"));
        proxy.wait_for_metric(queued, i + 1);
        clients.back().send("client " + std::to_string(i) + "\n");
    }
    proxy.upgrade();
    EXPECT_EQ(proxy.metric(queued), 3);
    EXPECT_EQ(proxy.metric(R"(port_queued_total{cluster="c",port="master"})"), 3);
    proxy.upgrade();
    cluster_.lead_by(0);
    proxy.update_clusters();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(clients[0].receive_line(), "b1");
        EXPECT_EQ(clients[0].receive_line(), "client " + std::to_string(i));
        clients.erase(clients.begin());
    }
}

TEST_F(Upgrade, WhatASessionIsAndWhatOperatorsHaveSetStays) {
    ProxyUnderTest proxy(config());
    TestClient client = proxy.connect("c/master");
    EXPECT_EQ(client.receive_line(), "b1");
    const auto id = [&] {
        const std::string sessions = proxy.get("/sessions");
        return sessions.substr(sessions.find("\"id\": "), 20);
    };
    const std::string before = id();
    EXPECT_THAT(command({"drain", "b2", "--why", "disk"}), HasSubstr("0 c/b2"));
    const std::size_t mark = proxy.daemon().mark();
    EXPECT_THAT(command({"upgrade"}), HasSubstr("has 1 session; the longest stop of one was "));
    proxy.wait_until_upgraded(mark);
    EXPECT_EQ(id(), before);
    EXPECT_THAT(proxy.get("/status"), HasSubstr("\"why\": \"disk\""));
    EXPECT_THAT(command({"ready", "b2"}), HasSubstr("0 c/b2"));
    TestClient next = proxy.connect("c/master");
    EXPECT_EQ(next.receive_line(), "b1");
    EXPECT_TRUE(still_echoes(client));
}

TEST_F(Upgrade, AnEndThatIsUnderWayArrives) {
    ProxyUnderTest proxy(config());
    TestClient client = proxy.connect("c/master");
    EXPECT_EQ(client.receive_line(), "b1");
    // Its last bytes wait in the proxy, for a client that reads none.
    TestClient slow = proxy.connect("c/master");
    EXPECT_EQ(slow.receive_line(), "b1");
    cluster_.backends[0]->pause_reading();
    const std::size_t sent = slow.send_until_blocked(64 << 20);
    proxy.upgrade();
    cluster_.backends[0]->resume_reading();
    slow.half_close();
    EXPECT_EQ(slow.receive_to_eof().size(), sent);
    EXPECT_TRUE(still_echoes(client));
}

TEST_F(Upgrade, SystemdsWatchdogHearsOfBothProcessesAtOnce) {
    support::NotifySocket manager;
    // Each would show that it lives after half of that: too late for this test.
    ProxyUnderTest proxy(config(), {.environment = {{"NOTIFY_SOCKET", manager.path()},
                                                    {"WATCHDOG_USEC", "120000000"}}});
    EXPECT_EQ(manager.next_sign_of_life(), "WATCHDOG=1");
    proxy.upgrade();
    EXPECT_EQ(manager.next_sign_of_life(), "WATCHDOG=1");
    EXPECT_EQ(manager.next(), "MAINPID=" + std::to_string(proxy.pid()) + "\nREADY=1");
    EXPECT_EQ(manager.next(), "READY=1");
    EXPECT_EQ(manager.next_sign_of_life(), "WATCHDOG=1");
}

TEST_F(Upgrade, SystemdLearnsOfTheNewMainProcessAndKeepsTheSameSockets) {
    support::NotifySocket manager;
    ProxyUnderTest proxy(config(), {.environment = {{"NOTIFY_SOCKET", manager.path()}}});
    EXPECT_EQ(manager.next(), "READY=1");
    const std::string name = "127.0.0.1," + std::to_string(proxy.port("c/master"));
    manager.wait_until_kept(name);
    proxy.upgrade();
    support::eventually([&] { return !proxy.daemon().running(); }, "the old process to end");
    // The new process keeps silent until it is the main one. Nobody says that the service is
    // stopping.
    EXPECT_EQ(manager.next(), "MAINPID=" + std::to_string(proxy.pid()) + "\nREADY=1");
    EXPECT_EQ(manager.next(), "READY=1");
    EXPECT_TRUE(manager.kept().contains(name));
    EXPECT_FALSE(manager.told_within(support::Milliseconds{50}));
    // Its sockets are kept under the new process too.
    proxy.write_config(config_top() + cluster_.section("c", {{"any", "roles: [any]"}}));
    ::kill(proxy.pid(), SIGHUP);
    manager.wait_until_forgotten(name);
}

}  // namespace
