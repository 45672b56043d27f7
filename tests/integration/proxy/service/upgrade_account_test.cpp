// What the proxy tells, and where it routes, goes on over an upgrade: whoever scrapes it sees no
// gap.

#include <atomic>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"

using support::TestClient;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

namespace {

using Series = std::map<std::string, double>;

/// Of a whole answer.
Series series_in(const std::string& metrics) {
    Series series;
    std::istringstream lines(metrics.substr(metrics.find("\r\n\r\n") + 4));
    for (std::string line; std::getline(lines, line);)
        if (const auto at = line.rfind(' '); at != std::string::npos && line.front() != '#')
            series[line.substr(0, at)] = std::stod(line.substr(at + 1));
    return series;
}

/// Whether its value may never fall.
bool is_counter(const std::string& name) {
    const std::string family = name.substr(0, name.find('{'));
    return !family.starts_with("process_") && !family.ends_with("log_lines_dropped_total") &&
           (family.ends_with("_total") || family.ends_with("_bucket") ||
            family.ends_with("_count") || family.ends_with("_sum") ||
            family == "patroni_proxy_uptime_seconds");
}

/// Scrapes /metrics again and again, and notes what a scraper should not see.
class Scraper {
  public:
    explicit Scraper(std::uint16_t port)
        : thread_([this, port](const std::stop_token& stop) {
              while (!stop.stop_requested())
                  scrape(port);
          }) {}

    void wait_for_more(int count = 3) const {
        const int until = scrapes_ + count;
        support::eventually([&] { return scrapes_ >= until; }, "scrapes");
    }
    [[nodiscard]] std::vector<std::string> problems() {
        thread_.request_stop();
        thread_.join();
        return problems_;
    }

  private:
    void scrape(std::uint16_t port) {
        try {
            TestClient client("127.0.0.1", port);
            client.send("GET /metrics HTTP/1.0\r\n\r\n");
            compare(series_in(client.receive_to_eof()));
        } catch (const std::exception& error) {
            problems_.emplace_back(error.what());
        }
        ++scrapes_;
    }
    void compare(Series now) {
        // Asked for while both processes were there, and answered by the former one.
        const auto started = now.find("process_start_time_seconds");
        if (started == now.end())
            return problems_.push_back("no metrics");
        if (!before_.empty() && started->second < before_.at(started->first))
            return;
        for (const auto& [name, value] : before_)
            if (const auto found = now.find(name); found == now.end())
                problems_.push_back(name + " is gone");
            else if (is_counter(name) && found->second < value)
                problems_.push_back(name + " fell from " + std::to_string(value) + " to " +
                                    std::to_string(found->second));
        for (const std::string name :
             {R"(patroni_proxy_cluster_leader_known{cluster="c"})", "patroni_proxy_ready",
              R"(patroni_proxy_port_backends_eligible{cluster="c",port="master"})"})
            if (now[name] != 1)
                problems_.push_back(name + " is " + std::to_string(now[name]));
        before_ = std::move(now);
    }

    Series before_;
    std::vector<std::string> problems_;
    std::atomic<int> scrapes_{0};
    std::jthread thread_;
};

class UpgradeAccount : public testing::Test {
  protected:
    [[nodiscard]] std::string config() const {
        return config_top("control: {socket: " + control_ + "}\n") +
               cluster_.section("c",
                                {{"master", "roles: [leader]"}, {"replicas", "roles: [replica]"}});
    }
    [[nodiscard]] std::string command(const std::vector<std::string>& words) const {
        std::vector<std::string> argv{PROXY_BINARY};
        argv.insert(argv.end(), words.begin(), words.end());
        argv.insert(argv.end(), {"--control", control_});
        const auto result = support::run(argv);
        return std::to_string(result.status.code) + " " + result.out + result.err;
    }
    static std::size_t count(const std::string& text, const std::string& part) {
        std::size_t found = 0;
        for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
            ++found;
        return found;
    }
    static void wait_for_history(const ProxyUnderTest& proxy, const std::string& part) {
        support::eventually([&] { return proxy.get("/history").find(part) != std::string::npos; },
                            part);
    }
    static std::string first_line(const ProxyUnderTest& proxy, const std::string& port) {
        return proxy.connect(port).receive_line();
    }
    /// Of the first port.
    static std::string last_minute(const ProxyUnderTest& proxy) {
        const std::string status = proxy.get("/status");
        const auto at = status.find("\"last_minute\"");
        return status.substr(at, status.find("\"refused\"", at) - at);
    }
    static double eligible(const ProxyUnderTest& proxy, const std::string& port) {
        return proxy.metric(R"(port_backends_eligible{cluster="c",port=")" + port + "\"}");
    }

    const support::TempDir directory_;
    const std::string control_ = directory_.path() / "control.sock";
    FakeCluster cluster_{3};
};

TEST_F(UpgradeAccount, AScraperSeesNoGap) {
    ProxyUnderTest proxy(config());
    proxy.reload();
    EXPECT_EQ(first_line(proxy, "c/master"), "b1");
    cluster_.lead_by(1);
    proxy.update_clusters();
    wait_for_history(proxy, "\"leader_after\": \"b2\"");
    support::eventually(
        [&] { return proxy.get("/history").find("\"ended\": null") == std::string::npos; },
        "the end of the record");
    std::vector<TestClient> clients;  // more than pass in one batch of each worker
    for (int i = 0; i < 250; ++i)
        clients.push_back(proxy.connect("c/replicas"));
    for (auto& client : clients)
        (void)client.receive_line();
    const double started = proxy.metric("start_time_seconds");
    const std::string history = proxy.get("/history");
    const std::string record = history.substr(history.find("\"id\": "), 1'000);
    Scraper scraper(proxy.port("HTTP API"));
    scraper.wait_for_more();
    for (int i = 0; i < 4; ++i) {
        const std::size_t mark = proxy.daemon().mark();
        EXPECT_THAT(command({"upgrade"}), HasSubstr("0 process "));
        proxy.wait_until_upgraded(mark);
        EXPECT_EQ(first_line(proxy, "c/master"), "b2");
        scraper.wait_for_more();
    }
    EXPECT_THAT(scraper.problems(), testing::IsEmpty());
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(proxy.metric("start_time_seconds"), started);
    EXPECT_EQ(proxy.metric("reloads_total"), 1);
    EXPECT_EQ(proxy.metric(R"(cluster_leader_changes_total{cluster="c"})"), 1);
    EXPECT_GE(proxy.metric(R"(polls_total{cluster="c"})"), 3);
    const std::string after = proxy.get("/history");
    EXPECT_THAT(after, HasSubstr(record));
    EXPECT_EQ(count(after, "\"words\": \"upgraded, to the same version"), 4U);
    EXPECT_THAT(after, HasSubstr("; asked for by uid "));
    EXPECT_EQ(count(after, "\"id\": 3,"), 1U);
}

TEST_F(UpgradeAccount, TheLastMinuteGoesOn) {
    ProxyUnderTest proxy(config());
    EXPECT_EQ(first_line(proxy, "c/master"), "b1");
    const std::string before = last_minute(proxy);
    EXPECT_THAT(before, testing::ContainsRegex("\"count\": [1-9]"));
    for (int i = 0; i < 2; ++i) {
        proxy.upgrade();
        EXPECT_EQ(last_minute(proxy), before);
    }
    EXPECT_EQ(first_line(proxy, "c/master"), "b1");
    EXPECT_NE(last_minute(proxy), before);
}

TEST_F(UpgradeAccount, ALogLevelThatAnOperatorHasSetStaysUntilAReload) {
    ProxyUnderTest proxy(config());
    EXPECT_THAT(command({"log-level", "debug"}), HasSubstr("is debug until"));
    for (int i = 0; i < 2; ++i) {
        proxy.upgrade();
        EXPECT_THAT(command({"log-level", "debug"}), HasSubstr("is debug already"));
        const std::size_t mark = proxy.daemon().mark();
        EXPECT_EQ(first_line(proxy, "c/master"), "b1");
        proxy.daemon().wait_for_line(" DEBUG ", mark);
    }
    EXPECT_THAT(command({"reload"}), HasSubstr("0 "));
    EXPECT_THAT(command({"log-level", "info"}), HasSubstr("is info already"));
    proxy.upgrade();
    EXPECT_THAT(command({"log-level", "info"}), HasSubstr("is info already"));
}

TEST_F(UpgradeAccount, AnOpenRecordEndsWithTheProcess) {
    ProxyUnderTest proxy(config());
    cluster_.lead_by_nobody();
    proxy.update_clusters();
    wait_for_history(proxy, "\"ended\": null");
    proxy.upgrade();
    wait_for_history(proxy, "; still open when the program was upgraded");
    cluster_.lead_by(0);
    proxy.update_clusters();
    EXPECT_EQ(first_line(proxy, "c/master"), "b1");
}

TEST_F(UpgradeAccount, AFailedUpgradeIsInTheHistory) {
    ProxyUnderTest proxy(config());
    const std::string good = config();
    proxy.write_config(good + "nonsense: 1\n");
    (void)proxy.failing_upgrade();
    EXPECT_THAT(proxy.get("/history"), HasSubstr("an upgrade failed and changed nothing: "));
    proxy.write_config(good);
    proxy.upgrade();
    EXPECT_THAT(proxy.get("/history"),
                AllOf(HasSubstr("an upgrade failed"), HasSubstr("upgraded, to the same version")));
}

/// Nobody who can say who leads is there, neither before the upgrade nor after it.
TEST_F(UpgradeAccount, PatroniMayBeDown) {
    ProxyUnderTest proxy(config());
    TestClient writer = proxy.connect("c/master");
    EXPECT_EQ(writer.receive_line(), "b1");
    for (const auto& patroni : cluster_.patronis)
        patroni->stop();
    for (int i = 0; i < 2; ++i) {
        proxy.upgrade();
        EXPECT_EQ(first_line(proxy, "c/master"), "b1");
        EXPECT_EQ(eligible(proxy, "replicas"), 2);
        EXPECT_EQ(proxy.metric(R"(cluster_leader_known{cluster="c"})"), 1);
        EXPECT_TRUE(still_echoes(writer));
    }
    EXPECT_THAT(proxy.get("/status"), HasSubstr("Patroni has not answered"));
    for (const auto& patroni : cluster_.patronis)
        patroni->start();
    cluster_.lead_by(1);
    proxy.update_clusters();
    support::eventually([&] { return first_line(proxy, "c/master") == "b2"; }, "the new leader");
    EXPECT_THAT(proxy.get("/status"), Not(HasSubstr("Patroni has not answered")));
}

TEST_F(UpgradeAccount, AFrozenClusterStaysAsItWas) {
    ProxyUnderTest proxy(config());
    EXPECT_THAT(command({"freeze", "c", "--why", "moving"}), HasSubstr("0 c "));
    // Patroni no longer knows b3.
    const auto without_b3 = [this] {
        cluster_.answer_cluster(support::ClusterJson()
                                    .member(cluster_.member(0, "leader"))
                                    .member(cluster_.member(1, "replica"))
                                    .str());
    };
    without_b3();
    proxy.update_clusters();
    EXPECT_EQ(eligible(proxy, "replicas"), 2);
    const std::size_t mark = proxy.daemon().mark();
    EXPECT_THAT(command({"upgrade"}), HasSubstr("0 process "));
    proxy.wait_until_upgraded(mark);
    EXPECT_EQ(eligible(proxy, "replicas"), 2);
    EXPECT_EQ(first_line(proxy, "c/master"), "b1");
    EXPECT_THAT(proxy.get("/status"), HasSubstr("routing ignores what Patroni says"));
    for (const auto& patroni : cluster_.patronis)
        patroni->stop();
    proxy.upgrade();
    EXPECT_EQ(eligible(proxy, "replicas"), 2);
    EXPECT_EQ(first_line(proxy, "c/master"), "b1");
    for (const auto& patroni : cluster_.patronis)
        patroni->start();
    without_b3();
    proxy.update_clusters();
    EXPECT_EQ(eligible(proxy, "replicas"), 2);
    EXPECT_THAT(command({"unfreeze", "c"}), HasSubstr("0 c "));
    proxy.update_clusters();
    support::eventually([&] { return eligible(proxy, "replicas") == 1; }, "b3 to go");
}

TEST_F(UpgradeAccount, AFrozenClusterMayNotBecomeAnotherOne) {
    ProxyUnderTest proxy(config());
    EXPECT_THAT(command({"freeze", "c"}), HasSubstr("0 c "));
    FakeCluster other(1);
    proxy.write_config(config_top("control: {socket: " + control_ + "}\n") +
                       other.section("c", {{"master", "roles: [leader]"}}));
    EXPECT_THAT(proxy.failing_upgrade(), HasSubstr("the file has other hosts by now"));
    EXPECT_EQ(first_line(proxy, "c/master"), "b1");
}

}  // namespace
