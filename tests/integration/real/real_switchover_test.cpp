// Real PostgreSQL, psql and Patroni with a port that speaks some of PostgreSQL's protocol.

#include <atomic>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/process/child_process.h"
#include "support/process/temp_dir.h"
#include "testbed.h"

using support::ChildProcess;
using support::psql_once;
using testing::HasSubstr;
using namespace std::chrono_literals;

namespace {

std::string direct(const std::string& address) {
    return "host=" + address + " port=5432 user=postgres dbname=postgres";
}

void wait_for_sleeper(const std::string& address) {
    support::eventually(
        [&] {
            return psql_once(direct(address),
                             "SELECT count(*) FROM pg_stat_activity "
                             "WHERE query LIKE 'SELECT pg_sleep%'")
                       .out.substr(0, 1) == "1";
        },
        10s, "a query that sleeps on " + address);
}

/// Sessions that sleep, one on each replica, and then Ctrl-C in each psql.
void expect_cancel_reaches_its_query(const ProxyUnderTest& proxy) {
    std::vector<std::unique_ptr<ChildProcess>> sleepers;
    for (int i = 0; i < 2; ++i)
        sleepers.push_back(std::make_unique<ChildProcess>(std::vector<std::string>{
            "psql", "-X", "-d", conninfo(proxy, "replicas"), "-c", "SELECT pg_sleep(300)"}));
    for (const std::string address : {"127.0.0.12", "127.0.0.13"})
        wait_for_sleeper(address);
    for (auto& sleeper : sleepers) {
        sleeper->signal(SIGINT);
        const auto status = sleeper->wait(10s);
        ASSERT_TRUE(status) << "its query goes on";
        EXPECT_EQ(status->code, 1);
    }
}

void expect_told_why(const ProxyUnderTest& proxy) {
    const auto told = psql_once(conninfo(proxy, "sync"), "SELECT 1");
    EXPECT_EQ(told.status.code, 2);
    EXPECT_THAT(told.err,
                HasSubstr("FATAL:  no backends available for real/sync (roles: sync): p1: "));
    const auto wants_tls = psql_once(conninfo(proxy, "sync") + " sslmode=require", "SELECT 1");
    EXPECT_THAT(wants_tls.err, HasSubstr("server does not support SSL, but SSL was required"));
}

/// One psql after the other at its own pace, each with one row; counts those that could not
/// connect.
class Writers {
  public:
    explicit Writers(const std::string& conninfo) {
        for (int i = 0; i < 2; ++i)
            threads_.emplace_back([this, conninfo] {
                while (!done_) {
                    const auto result = psql_once(conninfo, "INSERT INTO t VALUES (1)", 60s);
                    if (result.status.code == 0)
                        ++written_;
                    else if (result.err.find("connection to server at") != std::string::npos)
                        ++refused_;
                    std::this_thread::sleep_for(50ms);
                }
            });
    }
    ~Writers() {
        done_ = true;
        for (auto& thread : threads_)
            thread.join();
    }
    Writers(const Writers&) = delete;
    Writers& operator=(const Writers&) = delete;

    [[nodiscard]] int refused() const { return refused_; }
    void wait_for_rows(int more) const {
        const int before = written_;
        support::eventually([&] { return written_ >= before + more; }, 60s, "rows to be written");
    }

  private:
    std::atomic<bool> done_{false};
    std::atomic<int> written_{0};
    std::atomic<int> refused_{0};
    std::vector<std::thread> threads_;
};

TEST(RealSwitchover, IsAPauseToWhoeverConnectsAndNoError) {
    Testbed testbed({"--tags", "p3:nofailover=true"});
    const ProxyUnderTest proxy(real_config(
        "      held: {listen: \"127.0.0.1:0\", roles: [leader], queue_timeout: 50s}\n"
        "      sync: {listen: \"127.0.0.1:0\", roles: [sync], no_backend: postgres_error}\n"));
    expect_cancel_reaches_its_query(proxy);
    expect_told_why(proxy);

    ASSERT_EQ(psql_once(conninfo(proxy, "held"), "CREATE TABLE t (n int)").status.code, 0);
    HeldSession reader(session_on(proxy, "replicas", "127.0.0.13"));
    {
        // For longer than the port holds anybody.
        const Writers writers(conninfo(proxy, "held") + " connect_timeout=60");
        writers.wait_for_rows(10);
        for (const std::string next : {"p2", "p1"}) {
            testbed.run({"switchover", "--to", next});
            writers.wait_for_rows(10);
        }
        // A server that was shutting down may have let one in, and ended before it said so.
        EXPECT_LE(writers.refused(), 1);
    }
    EXPECT_TRUE(reader.untouched());
}

TEST(RealSwitchover, PatroniHasTheProxyLookByItsCallback) {
    std::string config = real_config();
    config.replace(config.find("interval: 1"), 11, "interval: 1h");
    // It comes first, because its address goes into Patroni's configuration.
    const ProxyUnderTest proxy(config);
    const support::TempDir directory;
    const std::filesystem::path script = directory.path() / "tell_proxies";
    std::filesystem::copy_file(CONTRIB_PATRONI "/tell_proxies", script);
    std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
    Testbed testbed({"--members", "2", "--callback",
                     script.string() + " 127.0.0.1:" + std::to_string(proxy.port("HTTP API"))});
    // There are no clients, so no session ends: only the callback can tell.
    const auto wait_for_leader = [&](const std::string& name) {
        support::eventually(
            [&] {
                return proxy.get("/status").find("\"leader\": \"" + name + "\"") !=
                       std::string::npos;
            },
            20s, name + " to lead by /status");
    };
    proxy.update_clusters();
    wait_for_leader("p1");
    // A call by hand causes several polls: they are over after a second without one.
    const std::string polls = R"(polls_total{cluster="real"})";
    support::eventually(
        [&] {
            const double before = proxy.metric(polls);
            std::this_thread::sleep_for(1s);
            return proxy.metric(polls) == before;
        },
        20s, "a second without a poll");
    testbed.run({"switchover", "--to", "p2"});
    wait_for_leader("p2");
}

}  // namespace
