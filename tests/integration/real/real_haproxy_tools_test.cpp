// What HAProxy's own tools make of the proxy, in front of a real cluster: hatop on a terminal, and
// haproxy_exporter asked by a real Prometheus.

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/process/daemon_process.h"
#include "support/process/temp_dir.h"
#include "support/wait.h"
#include "testbed.h"

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using namespace std::chrono_literals;

namespace {

// Not an address of the testbed; only one real test runs at a time.
constexpr char kExporter[] = "127.0.0.14:9101";
constexpr char kPrometheus[] = "127.0.0.14:9090";

// What a terminal sends for these keys (TERM=linux).
constexpr char kF9[] = "\x1b[20~";
constexpr char kF10[] = "\x1b[21~";
constexpr char kDown[] = "\x1b[B";

class RealHaproxyTools : public testing::Test {
  protected:
    /// hatop's screen once it shows `until`, and after `keys` once it shows `then`.
    [[nodiscard]] std::string hatop(const std::string& until, const std::string& keys = {},
                                    const std::string& then = {}) const {
        std::vector<std::string> command{"/usr/bin/python3", SCREEN_OF, "--until", until};
        if (!keys.empty())
            command.insert(command.end(), {"--keys", keys, "--then", then});
        command.insert(command.end(), {"--", "hatop", "-s", socket_});
        const auto result = support::run(command, {}, 60s);
        EXPECT_EQ(result.status.code, 0) << result.out << result.err;
        return result.out;
    }

    support::TempDir directory_;
    const std::string socket_ = (directory_.path() / "haproxy.sock").string();
    Testbed testbed_;
    ProxyUnderTest proxy_{"haproxy_socket: " + socket_ + "\n" + real_config()};
};

TEST_F(RealHaproxyTools, HatopShowsEachPortAndTakesAMemberOut) {
    EXPECT_THAT(hatop(">>> real:replicas[^>]*p3 +1 UP"),
                AllOf(HasSubstr("Node:"), ContainsRegex(">>> real:master\nFRONTEND +[0-9]+ OPEN"),
                      ContainsRegex("\np1 +1 UP +L7OK"), ContainsRegex("\np2 +1 MAINT +L7STS"),
                      ContainsRegex("\nBACKEND +1 UP")));
    // From the top, over every line: two titles, a blank, and five rows of the first port.
    std::string to_p3_on_replicas;
    for (int line = 0; line < 11; ++line)
        to_p3_on_replicas += kDown;
    EXPECT_THAT(hatop("p3 +1 UP", to_p3_on_replicas + kF10, "p3 +1 MAINT +L7STS[^>]*$"),
                ContainsRegex("\np2 +1 UP"));
    EXPECT_EQ(who_answers(proxy_, "replicas"), "127.0.0.12|t");
    (void)hatop("p3 +1 MAINT", to_p3_on_replicas + kF9, "p3 +1 UP");
}

TEST_F(RealHaproxyTools, PrometheusScrapesTheExporter) {
    const support::DaemonProcess exporter({"prometheus-haproxy-exporter",
                                           "--haproxy.scrape-uri=unix:" + socket_,
                                           std::string("--web.listen-address=") + kExporter});
    const std::string config = directory_.write(
        "prometheus.yml", std::string("global: {scrape_interval: 1s}\nscrape_configs:\n"
                                      "- job_name: exporter\n  static_configs: [{targets: [\"") +
                              kExporter +
                              "\"]}]\n"
                              "- job_name: proxy\n  metrics_path: /metrics\n  params: {haproxy: "
                              "[\"\"]}\n  static_configs: [{targets: [\"127.0.0.1:" +
                              std::to_string(proxy_.port("HTTP API")) + "\"]}]\n");
    const support::DaemonProcess prometheus(
        {"prometheus", "--config.file=" + config,
         "--storage.tsdb.path=" + (directory_.path() / "data").string(),
         std::string("--web.listen-address=") + kPrometheus});
    const auto value_of = [](const std::string& query) {
        return support::run({"curl", "--silent", "--get", "--data-urlencode", "query=" + query,
                             std::string("http://") + kPrometheus + "/api/v1/query"})
            .out;
    };
    const auto wait_for = [&](const std::string& query, const std::string& value) {
        support::eventually(
            [&] { return value_of(query).find(",\"" + value + "\"]}") != std::string::npos; }, 30s,
            query + " to be " + value);
    };
    wait_for("haproxy_exporter_csv_parse_failures_total", "0");
    wait_for(R"(haproxy_server_up{job="exporter",backend="real:master",server="p1"})", "1");
    wait_for(R"(haproxy_server_up{job="exporter",backend="real:master",server="p2"})", "0");
    wait_for(R"(haproxy_up{job="exporter"})", "1");
    wait_for(R"(haproxy_server_status{job="proxy",proxy="real:master",server="p2",state="MAINT"})",
             "1");
}

}  // namespace
