// What the whole proxy knows of whether its members accept sessions.

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy_fixture.h"
#include "unit/proxy/port/fake_postgres.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using support::FakeBackend;
using support::TestClient;
using testing::HasSubstr;

/// With a PostgreSQL at each member.
class ProxyReadinessTest : public ProxyTest {
  protected:
    ProxyReadinessTest() {
        backends_ = FakeBackend::on_one_port(3, {.greeting = false, .echo = false});
        for (const auto& backend : backends_)
            postgres_.push_back(
                std::make_unique<FakePostgres>(*backend, FakePostgres::State::accepts));
    }

    /// Two ports for the leader that hold clients, on many workers.
    [[nodiscard]] Config holding() const {
        Config config = this->config();
        config.workers = 4;
        auto& ports = config.clusters.front().ports;
        ports = {port("rw", kLeader, patroni::RequestedRole::leader),
                 port("rw2", kSpare, patroni::RequestedRole::leader)};
        for (auto& port : ports)
            port.settings.queue_timeout = 1h;
        return config;
    }
    static TestClient client_of(std::uint16_t port) {
        TestClient client = connect(port);
        client.send(FakePostgres::startup());
        return client;
    }
    static void expect_served(TestClient& client) {
        EXPECT_EQ(client.receive(FakePostgres::welcome("b1").size()), FakePostgres::welcome("b1"));
    }
    static void wait_for_answer(const std::string& path, const std::string& part) {
        support::eventually([&] { return http(path).find(part) != std::string::npos; },
                            part + " of " + path);
    }

    std::vector<std::unique_ptr<FakePostgres>> postgres_;
};

TEST_F(ProxyReadinessTest, OneServerThatStartsIsAskedOnceForAllPortsAndWorkers) {
    postgres_[0]->become(FakePostgres::State::starts);
    RunningProxy proxy(holding());
    std::vector<TestClient> clients;
    for (int i = 0; i < 16; ++i)
        clients.push_back(client_of(i % 2 == 0 ? kLeader : kSpare));
    support::eventually(
        [&] {
            const ProxyReport report = proxy.report();
            const auto& ports = report.clusters.front().ports;
            return ports[0].queued + ports[1].queued == clients.size();
        },
        "all clients to be held");
    const auto begin = support::Clock::now();
    const auto before = backends_[0]->accepted();
    std::this_thread::sleep_for(500ms);
    const auto more = backends_[0]->accepted() - before;
    const auto took = support::Clock::now() - begin;
    EXPECT_LE(more, 2 + static_cast<std::size_t>(took / 100ms));
    postgres_[0]->become(FakePostgres::State::accepts);
    for (auto& client : clients)
        expect_served(client);
}

TEST_F(ProxyReadinessTest, ItIsAskedForThoseWhoStayWhenAPortIsRemoved) {
    postgres_[0]->become(FakePostgres::State::starts);
    RunningProxy proxy(holding());
    auto gone = client_of(kLeader);
    auto stays = client_of(kSpare);
    Config without = holding();
    without.drain_timeout = 0ms;
    without.clusters.front().ports.erase(without.clusters.front().ports.begin());
    EXPECT_EQ(proxy.apply(without), "");
    gone.wait_for_close();
    postgres_[0]->become(FakePostgres::State::accepts);
    expect_served(stays);
}

TEST_F(ProxyReadinessTest, AProxyWithoutAClientSaysThatItsMemberRefuses) {
    backends_[0]->stop();
    RunningProxy proxy(config());
    // It looks at once, and there need not be a client.
    wait_for_answer("/ready/main/rw", "503 ");
    EXPECT_THAT(http("/ready/main/rw"),
                HasSubstr("no backends available: b1: cannot be reached: " +
                          backends_[0]->address() + ": Connection refused"));
    EXPECT_THAT(http("/metrics"), HasSubstr("patroni_proxy_member_reachable{cluster=\"main\","
                                            "port=\"rw\",member=\"b1\"} 0"));
    EXPECT_THAT(http("/ready/main/ro"), HasSubstr("200 OK"));
    backends_[0]->start();
    wait_for_answer("/ready/main/rw", "200 OK");
    EXPECT_THAT(http("/metrics"), HasSubstr("patroni_proxy_member_reachable{cluster=\"main\","
                                            "port=\"rw\",member=\"b1\"} 1"));
}

TEST_F(ProxyReadinessTest, AClientThatIsRefusedIsEnoughToSaySo) {
    RunningProxy proxy(config());
    auto served = client_of(kLeader);
    expect_served(served);
    backends_[0]->refuse();
    EXPECT_EQ(connect(kLeader).wait_for_close(), support::Closed::fin);
    EXPECT_THAT(http("/ready/main/rw"), HasSubstr("503 "));
}

}  // namespace
}  // namespace proxy
