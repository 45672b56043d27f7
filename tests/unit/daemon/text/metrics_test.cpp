#include "daemon/text/metrics.h"

#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace daemons {
namespace {

struct Scale {
    static constexpr std::array bounds{0.5, 2.0};
};

Metrics sample_metrics() {
    Metrics out("p_");
    const Labels of_main = with({}, "cluster", "main");
    out.counter("polls_total", "Polls", of_main, std::uint64_t{3});
    out.gauge("age_seconds", "Age", {}, 0.25);
    out.counter("polls_total", "Polls", with({}, "cluster", "a\"b\\c\nd"), std::uint64_t{4});
    base::Histogram<Scale> times;
    times.note(1);
    times.note(3);
    out.histogram("wait_seconds", "Wait", of_main, times);
    out.gauge("process_open_fds", "Descriptors", {}, 7.0);
    out.limit("max", "Limit", {}, 0);
    out.limit("most", "Limit", {}, 5);
    return out;
}

TEST(MetricsTest, WritesPrometheusTextFormat) {
    EXPECT_EQ(sample_metrics().text(),
              "# HELP p_polls_total Polls\n"
              "# TYPE p_polls_total counter\n"
              "p_polls_total{cluster=\"main\"} 3\n"
              "p_polls_total{cluster=\"a\\\"b\\\\c\\\\nd\"} 4\n"
              "# HELP p_age_seconds Age\n"
              "# TYPE p_age_seconds gauge\n"
              "p_age_seconds 0.25\n"
              "# HELP p_wait_seconds Wait\n"
              "# TYPE p_wait_seconds histogram\n"
              "p_wait_seconds_bucket{cluster=\"main\",le=\"0.5\"} 0\n"
              "p_wait_seconds_bucket{cluster=\"main\",le=\"2.0\"} 1\n"
              "p_wait_seconds_bucket{cluster=\"main\",le=\"+Inf\"} 2\n"
              "p_wait_seconds_sum{cluster=\"main\"} 4\n"
              "p_wait_seconds_count{cluster=\"main\"} 2\n"
              "# HELP process_open_fds Descriptors\n"
              "# TYPE process_open_fds gauge\n"
              "process_open_fds 7\n"
              "# HELP p_most Limit\n"
              "# TYPE p_most gauge\n"
              "p_most 5\n");
}

TEST(MetricsTest, InOpenMetricsACountersFamilyHasNoTotalAndTheEndIsMarked) {
    const std::string text = sample_metrics().text(MetricsFormat::openmetrics);
    EXPECT_TRUE(
        text.starts_with("# HELP p_polls Polls\n"
                         "# TYPE p_polls counter\n"
                         "p_polls_total{cluster=\"main\"} 3\n"))
        << text;
    EXPECT_TRUE(text.ends_with("p_most 5\n# EOF\n")) << text;
}

TEST(MetricsTest, NumbersLoseNothing) {
    const std::vector<std::pair<double, std::string>> table{
        {0, "0"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {2e12, "2000000000000"},
        {1'795'000'000.25, "1795000000.25"},
        {std::numeric_limits<double>::infinity(), "+Inf"},
        {-std::numeric_limits<double>::infinity(), "-Inf"},
        {std::nan(""), "NaN"},
    };
    for (const auto& [value, text] : table) {
        Metrics out("");
        out.gauge("x", "X", {}, value);
        EXPECT_TRUE(out.text().ends_with("\nx " + text + "\n")) << out.text();
    }
    for (const double value : {1e-300, 1e300, 5e-324, 0.1 + 0.2}) {
        Metrics out("");
        out.gauge("x", "X", {}, value);
        const std::string text = out.text();
        EXPECT_EQ(std::strtod(text.c_str() + text.rfind(" "), nullptr), value) << text;
    }
}

TEST(MetricsTest, OpenMetricsIsForThoseWhoAskForIt) {
    EXPECT_EQ(metrics_format_for(""), MetricsFormat::text);
    EXPECT_EQ(metrics_format_for("*/*"), MetricsFormat::text);
    EXPECT_EQ(metrics_format_for("text/plain;version=0.0.4"), MetricsFormat::text);
    // What Prometheus 2.42 sends.
    EXPECT_EQ(metrics_format_for("application/openmetrics-text;version=1.0.0,"
                                 "application/openmetrics-text;version=0.0.1;q=0.75,"
                                 "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
              MetricsFormat::openmetrics);
}

}  // namespace
}  // namespace daemons
