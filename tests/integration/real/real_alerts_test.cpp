// Which alerts of contrib/prometheus a real Prometheus fires beside a real cluster with clients:
// none in a switchover, and the right ones when a replica lags, the leader dies, and etcd is down.
// The rules are those of contrib, but they wait for seconds instead of minutes.

#include <chrono>
#include <condition_variable>
#include <fstream>
#include <iterator>
#include <mutex>
#include <regex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/process/daemon_process.h"
#include "support/process/temp_dir.h"
#include "support/wait.h"
#include "testbed.h"

using testing::Contains;
using testing::IsSupersetOf;
using testing::UnorderedElementsAre;
using namespace std::chrono_literals;

namespace {

// Not an address of the testbed; only one real test runs at a time.
constexpr char kPrometheusAddress[] = "127.0.0.14:9090";

using Alerts = std::set<std::string>;

std::string content_of(const std::string& file) {
    std::ifstream in(file);
    EXPECT_TRUE(in) << file;
    return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> found_in(const std::string& text, const std::string& pattern) {
    const std::regex regex(pattern);
    std::vector<std::string> found;
    for (std::sregex_iterator match(text.begin(), text.end(), regex), end; match != end; ++match)
        found.push_back(match->str(1));
    return found;
}

/// A minute becomes nine seconds, which is more than a switchover takes here, also on a busy
/// machine. Half a minute, which follows an age of six seconds here, becomes three; anything longer
/// twelve, which is more than the former leader takes to come back as a replica. All are less than
/// a killed one's lock lasts.
std::string hurried(std::string rules) {
    const auto replace = [&rules](const char* pattern, const char* by) {
        rules = std::regex_replace(rules, std::regex(pattern), by);
    };
    replace("for: 30s\n", "for: 3s\n");
    replace("for: 1m\n", "for: 9s\n");
    replace("for: ([0-9]+[mh])\n", "for: 12s\n");
    replace("\\[[35]m\\]", "[4s]");
    replace("age_seconds > 60", "age_seconds > 6");
    replace("lag_bytes > [0-9]+", "lag_bytes > 8388608");
    return rules;
}

/// Connects to a port and asks for a row, a few times per second, until it is destroyed.
class Client {
  public:
    Client(const ProxyUnderTest& proxy, const std::string& port)
        : thread_([conninfo = patient(conninfo(proxy, port))](const std::stop_token& stop) {
              std::mutex mutex;
              std::condition_variable_any stopped;
              std::unique_lock lock(mutex);
              while (!stop.stop_requested()) {
                  (void)support::psql_once(conninfo, "SELECT 1", 60s);
                  stopped.wait_for(lock, stop, 200ms, [] { return false; });
              }
          }) {}

  private:
    /// One that gave up while it is held would begin its alert anew.
    static std::string patient(const std::string& conninfo) {
        return conninfo + " connect_timeout=50";
    }

    std::jthread thread_;
};

class RealAlerts : public testing::Test {
  protected:
    [[nodiscard]] static std::string query(const std::string& expression) {
        return support::run({"curl", "--silent", "--get", "--data-urlencode", "query=" + expression,
                             std::string("http://") + kPrometheusAddress + "/api/v1/query"})
            .out;
    }
    [[nodiscard]] static Alerts alerts(const std::string& expression) {
        const auto names = found_in(query(expression), R"re("alertname":"(\w+)")re");
        return {names.begin(), names.end()};
    }
    [[nodiscard]] static Alerts firing() { return alerts(R"(ALERTS{alertstate="firing"})"); }
    /// At any time since the start.
    [[nodiscard]] static Alerts fired() {
        return alerts(R"(count_over_time(ALERTS{alertstate="firing"}[10m]))");
    }
    static void wait_until_fires(const std::string& alert) {
        support::eventually([&] { return firing().contains(alert); }, 40s, alert + " to fire");
    }
    static void wait_until_quiet() {
        support::eventually([] { return firing().empty(); }, 40s, "all alerts to end");
    }

    support::TempDir directory_;
    Testbed testbed_;
    ProxyUnderTest proxy_{
        real_config("      patient: {listen: \"127.0.0.1:0\", roles: [leader], host_port: 5432, "
                    "queue_timeout: 60s}\n")};
    const Client refused_{proxy_, "master"};
    const Client held_{proxy_, "patient"};
    const std::string rules_ = directory_.write(
        "rules.yml", hurried(content_of(CONTRIB "/prometheus/patroni_proxy.rules.yml")));
    const std::string config_ =
        directory_.write("prometheus.yml",
                         "global: {scrape_interval: 500ms, evaluation_interval: 500ms}\n"
                         "rule_files: [" +
                             rules_ +
                             "]\nscrape_configs:\n- job_name: patroni_proxy\n"
                             "  static_configs: [{targets: [\"127.0.0.1:" +
                             std::to_string(proxy_.port("HTTP API")) + "\"]}]\n");
    const support::DaemonProcess prometheus_{
        {"prometheus", "--config.file=" + config_,
         "--storage.tsdb.path=" + (directory_.path() / "data").string(),
         std::string("--web.listen-address=") + kPrometheusAddress}};
};

TEST_F(RealAlerts, FireWhenTheyShouldAndNotInASwitchover) {
    support::eventually(
        [] {
            return query("patroni_proxy_cluster_leader_known").find("\"1\"]") != std::string::npos;
        },
        30s, "a leader in Prometheus");
    testbed_.run({"switchover", "--to", "p2"});
    support::eventually(
        [] {
            return query("patroni_proxy_member_leads{member=\"p2\"}").find("\"1\"]") !=
                   std::string::npos;
        },
        30s, "the new leader in Prometheus");

    // A replica that is held before it follows would stay on the former timeline, the first.
    support::eventually(
        [] {
            return query("count(patroni_proxy_member_timeline == 2)").find("\"3\"]") !=
                   std::string::npos;
        },
        30s, "all members on the second timeline");

    // Before 4.1 Patroni counts only WAL that was not received.
    testbed_.run({"hold", "p3", "--receive"});
    testbed_.run({"write-wal", "32"});
    wait_until_fires("PatroniProxyReplicaLags");
    EXPECT_THAT(fired(), UnorderedElementsAre("PatroniProxyReplicaLags"))
        << "the switchover has fired none";
    EXPECT_NE(query("patroni_proxy_cluster_leader_changes_total").find("\"1\"]"),
              std::string::npos);
    testbed_.run({"release", "p3"});
    wait_until_quiet();

    // The leader's lock runs out after the testbed's ttl of 20 seconds. Until then it still counts
    // as leader but accepts no sessions. The rules wait for less than that here.
    testbed_.run({"kill", "p2"});
    wait_until_fires("PatroniProxyBackendUnreachable");
    support::eventually(
        [] {
            return query("patroni_proxy_member_leads{member!=\"p2\"} == 1").find("\"1\"]") !=
                   std::string::npos;
        },
        40s, "another leader in Prometheus");
    wait_until_quiet();
    EXPECT_THAT(fired(),
                UnorderedElementsAre("PatroniProxyReplicaLags", "PatroniProxyBackendUnreachable",
                                     "PatroniProxyLeaderWithoutDcs", "PatroniProxyRefusesClients",
                                     "PatroniProxyClientsHeld"));

    // Every query of the dashboard returns series.
    for (std::string expression : found_in(content_of(CONTRIB "/grafana/patroni_proxy.json"),
                                           R"re("expr": "((?:[^"\\]|\\.)*)")re")) {
        const auto replace = [&expression](const char* pattern, const char* by) {
            expression = std::regex_replace(expression, std::regex(pattern), by);
        };
        replace(R"(\\")", "\"");
        replace(R"(\$__rate_interval)", "5s");
        replace(R"(\$__range)", "2m");
        replace(R"(\$(instance|cluster))", ".*");
        // Nobody has set a limit or a drain, and by now nobody is refused or cut.
        if (std::regex_search(expression, std::regex("> 0$|operator_setting|port_sessions_max")))
            EXPECT_NE(query(expression).find("\"success\""), std::string::npos) << expression;
        else
            EXPECT_NE(query(expression).find("\"metric\""), std::string::npos) << expression;
    }

    testbed_.run({"stop", "etcd"});
    wait_until_fires("PatroniProxyPatroniSilent");
    EXPECT_THAT(fired(), IsSupersetOf({"PatroniProxyPatroniSilent"}));
    for (const char* const never :
         {"PatroniProxyDown", "PatroniProxyNotReady", "PatroniProxyRestarts",
          "PatroniProxyCutsSessions", "PatroniProxyTimelineDiffers", "PatroniProxyLeaderChanges",
          "PatroniProxyLogLosesLines"})
        EXPECT_THAT(fired(), testing::Not(Contains(never)));
    testbed_.run({"start", "etcd"});
    support::eventually([] { return !firing().contains("PatroniProxyPatroniSilent"); }, 30s,
                        "PatroniProxyPatroniSilent to end");
}

}  // namespace
