// Hundreds of sessions pass to the next process one batch after the other, while clients come and
// go.

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"

using support::TestClient;

namespace {

constexpr int kUpgrades = 4;

/// Connects again and again, and counts how often there was a place.
class Intruder {
  public:
    explicit Intruder(std::uint16_t port)
        : thread_([this, port](const std::stop_token& stop) {
              while (!stop.stop_requested()) {
                  try {
                      TestClient client("127.0.0.1", port);
                      client.half_close();  // it has nothing to cancel: nobody waits for that
                      served_ += client.receive_to_eof().empty() ? 0 : 1;
                  } catch (const std::exception&) {
                      ++resets_;
                  }
                  ++tries_;
              }
          }) {}
    void wait_for_more(int count = 5) const {
        const int until = tries_ + count;
        support::eventually([&] { return tries_ >= until; }, "attempts");
    }
    [[nodiscard]] int served() {
        thread_.request_stop();
        thread_.join();
        return served_;
    }

  private:
    std::atomic<int> tries_{0};
    std::atomic<int> served_{0};
    std::atomic<int> resets_{0};
    std::jthread thread_;
};

class UpgradeInBatches : public testing::Test {
  protected:
    static constexpr int kSessions = 400;

    [[nodiscard]] std::string config() const {
        return config_top() +
               cluster_.section("c", {{"master", "roles: [leader], max_connections: " +
                                                     std::to_string(kSessions)}});
    }
    void fill() {
        while (clients_.size() < kSessions) {
            clients_.push_back(std::make_unique<TestClient>(proxy_.connect("c/master")));
            ASSERT_EQ(clients_.back()->receive_line(), "b1");
        }
    }
    void expect_full() const { EXPECT_EQ(proxy_.connect("c/master").receive_to_eof(), ""); }
    [[nodiscard]] double of_b1(const std::string& name, const std::string& more = {}) const {
        return proxy_.metric(name + R"({cluster="c",port="master",member="b1")" + more + "}");
    }

    FakeCluster cluster_{1};
    ProxyUnderTest proxy_{config()};
    std::vector<std::unique_ptr<TestClient>> clients_;
};

TEST_F(UpgradeInBatches, NobodyGetsAPlaceThatASessionHas) {
    fill();
    Intruder intruder(proxy_.port("c/master"));
    for (int i = 0; i < kUpgrades; ++i) {
        intruder.wait_for_more();
        proxy_.upgrade();
        EXPECT_EQ(of_b1("backend_sessions_open"), kSessions);
    }
    intruder.wait_for_more();
    EXPECT_EQ(intruder.served(), 0);
    for (auto& client : clients_)
        EXPECT_TRUE(still_echoes(*client));
    clients_.resize(kSessions - 3);
    proxy_.wait_for_metric("sessions_open", kSessions - 3);
    fill();
    expect_full();
}

TEST_F(UpgradeInBatches, WhoLeavesMeanwhileIsCountedAndHisPlaceIsFree) {
    double left = 0;
    for (int i = 0; i < kUpgrades; ++i) {
        fill();
        std::jthread leaver([&](const std::stop_token& stop) {
            for (; clients_.size() > 1 && !stop.stop_requested(); ++left) {
                clients_.pop_back();
                EXPECT_TRUE(still_echoes(*clients_.front()));
            }
        });
        proxy_.upgrade();
        leaver = {};
        proxy_.wait_for_metric("sessions_open", static_cast<double>(clients_.size()));
        EXPECT_EQ(of_b1("backend_sessions_open"), clients_.size());
        EXPECT_EQ(of_b1("backend_sessions_ended_total", R"(,reason="client_closed")"), left);
        EXPECT_EQ(of_b1("backend_sessions_total"), left + static_cast<double>(clients_.size()));
        EXPECT_EQ(of_b1("backend_from_client_bytes_total"), 11 * left);
    }
    fill();
    expect_full();
}

}  // namespace
