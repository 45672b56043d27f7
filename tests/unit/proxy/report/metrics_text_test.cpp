#include "patroni_proxy/report/metrics_text.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/text/utf8.h"
#include "sample_report.h"
#include "support/process/daemon_process.h"
#include "support/process/temp_dir.h"

namespace proxy {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsSupersetOf;

/// The samples whose names begin with `start`, without that.
std::vector<std::string> samples_from(const std::string& start, const ProxyReport& report) {
    std::vector<std::string> found;
    std::istringstream text(metrics_text(report));
    for (std::string line; std::getline(text, line);)
        if (line.starts_with(start))
            found.push_back(line.substr(start.size()));
    return found;
}

/// The same for patroni_proxy_ and `prefix`; without histograms.
std::vector<std::string> samples(const ProxyReport& report, const std::string& prefix) {
    auto found = samples_from("patroni_proxy_" + prefix, report);
    std::erase_if(found,
                  [](const auto& line) { return line.find("duration_seconds_") < line.find('{'); });
    return found;
}

/// Says what promtool finds wrong with the text.
void expect_good(const std::string& text) {
    const support::TempDir directory;
    const auto check = support::run(
        {"sh", "-c", "exec promtool check metrics <\"$1\"", "-", directory.write("metrics", text)});
    EXPECT_EQ(check.status, support::ExitStatus{0}) << check.out << check.err << text;
    EXPECT_EQ(check.out + check.err, "");
}

TEST(MetricsTextTest, TellsOfTheProcess) {
    EXPECT_THAT(samples(sample_report(), ""), IsSupersetOf({
                                                  R"(build_info{version="0.1.0"} 1)",
                                                  "start_time_seconds 1795000000.25",
                                                  "uptime_seconds 3600.5",
                                                  "ready 0",
                                                  "draining 1",
                                                  "workers 4",
                                                  "sessions_open 3",
                                                  "sessions_max 10000",
                                                  "descriptors_open 42",
                                                  "descriptors_max 524288",
                                                  "log_lines_dropped_total 5",
                                                  "reloads_total 3",
                                                  "reloads_failed_total 1",
                                                  "reload_last_successful 0",
                                                  "reload_age_seconds 60",
                                                  "log_failing 1",
                                              }));
    EXPECT_THAT(samples_from("process_", sample_report()),
                ElementsAre("cpu_seconds_total 12.25", "open_fds 42", "max_fds 524288",
                            "virtual_memory_bytes 400000000", "resident_memory_bytes 30000000",
                            "start_time_seconds 1795000000.25"));
}

TEST(MetricsTextTest, LimitsThatAreOffHaveNoSample) {
    ProxyReport report = sample_report();
    report.max_connections = 0;
    report.clusters[0].ports[0].max_connections = 0;
    report.clusters[0].ports[0].max_connections_per_backend = 0;
    EXPECT_THAT(samples(report, "sessions_max"), IsEmpty());
    EXPECT_THAT(samples(report, "port_sessions_max"), IsEmpty());
    EXPECT_THAT(samples(report, "port_backend_sessions_max"), IsEmpty());
}

TEST(MetricsTextTest, HistogramsAreCumulativeAndHaveAllBuckets) {
    const auto of_connects =
        samples_from("patroni_proxy_backend_connect_duration_seconds", sample_report());
    ASSERT_EQ(of_connects.size(), 18U);
    const std::string labels = R"({cluster="main",port="master",member="p1")";
    EXPECT_EQ(of_connects[0], "_bucket" + labels + R"(,le="0.0001"} 0)");
    EXPECT_EQ(of_connects[1], "_bucket" + labels + R"(,le="0.00025"} 1)");
    EXPECT_EQ(of_connects[12], "_bucket" + labels + R"(,le="1.0"} 1)");
    EXPECT_EQ(of_connects[15], "_bucket" + labels + R"(,le="+Inf"} 2)");
    EXPECT_EQ(of_connects[16], "_sum" + labels + "} 100.0002");
    EXPECT_EQ(of_connects[17], "_count" + labels + "} 2");
    const std::string of_port = R"(_count{cluster="main",port="master"})";
    EXPECT_THAT(samples_from("patroni_proxy_port_held_duration_seconds", sample_report()),
                Contains(of_port + " 2"));
    EXPECT_THAT(samples_from("patroni_proxy_port_session_duration_seconds", sample_report()),
                Contains(of_port + " 1"));
    EXPECT_THAT(samples_from("patroni_proxy_poll_duration_seconds", sample_report()),
                Contains(R"(_count{cluster="main"} 1)"));
    EXPECT_THAT(samples_from("patroni_proxy_cluster_leaderless_duration_seconds", sample_report()),
                Contains(R"(_bucket{cluster="main",le="1.0"} 1)"));
}

TEST(MetricsTextTest, TellsOfTheClusterAndHowAskingItGoes) {
    EXPECT_THAT(samples(sample_report(), "poll"),
                ElementsAre(R"(s_total{cluster="main"} 103)", R"(s_failed_total{cluster="main"} 3)",
                            R"(s_seconds_total{cluster="main"} 4.5)",
                            R"(_last_seconds{cluster="main"} 0.0234567)"));
    EXPECT_THAT(samples(sample_report(), "cluster_"),
                ElementsAre(R"(table_age_seconds{cluster="main"} 0.5)",
                            R"(leader_changes_total{cluster="main"} 2)",
                            R"(leaderless_seconds_total{cluster="main"} 12.5)",
                            R"(leader_known{cluster="main"} 1)", R"(paused{cluster="main"} 1)",
                            R"(members{cluster="main"} 3)", R"(warnings{cluster="main"} 1)"));
}

TEST(MetricsTextTest, TellsOfMembersWhatIsKnown) {
    EXPECT_THAT(
        samples(sample_report(), "member_"),
        ElementsAre(R"(info{cluster="main",member="p1",role="leader",state="running"} 1)",
                    R"(info{cluster="main",member="p2",role="replica",state="streaming"} 1)",
                    R"(info{cluster="main",member="p3",role="replica",state="start failed"} 1)",
                    R"(up{cluster="main",member="p1"} 1)", R"(up{cluster="main",member="p2"} 1)",
                    R"(up{cluster="main",member="p3"} 0)", R"(leads{cluster="main",member="p1"} 1)",
                    R"(leads{cluster="main",member="p2"} 0)",
                    R"(leads{cluster="main",member="p3"} 0)",
                    R"(timeline{cluster="main",member="p1"} 7)",
                    R"(timeline{cluster="main",member="p2"} 6)",
                    R"(timeline_mismatch{cluster="main",member="p1"} 0)",
                    R"(timeline_mismatch{cluster="main",member="p2"} 1)",
                    R"(dcs_last_seen_age_seconds{cluster="main",member="p1"} 1.25)",
                    R"(lag_bytes{cluster="main",member="p2"} 16777216)",
                    R"(reachable{cluster="main",port="master",member="p1"} 1)"));
}

TEST(MetricsTextTest, TellsWhichOfTheEligibleCannotBeReached) {
    ProxyReport report = sample_report();
    auto& members = report.clusters[0].ports[0].members;
    members[0].unreachable = "10.0.0.1:5432: Connection refused";
    members[2].standing = patroni::Standing::eligible;
    EXPECT_THAT(samples(report, "member_reachable"),
                ElementsAre(R"({cluster="main",port="master",member="p1"} 0)",
                            R"({cluster="main",port="master",member="p3"} 1)"));
}

TEST(MetricsTextTest, WithoutALeadersTimelineNoneMismatches) {
    ProxyReport report = sample_report();
    report.clusters[0].members[0].timeline.reset();
    EXPECT_THAT(samples(report, "member_timeline_mismatch"), IsEmpty());
    report = sample_report();
    report.clusters[0].leader.clear();
    report.clusters[0].members[0].leads = false;
    EXPECT_THAT(samples(report, "member_timeline_mismatch"), IsEmpty());
    EXPECT_THAT(samples(report, "cluster_leader_known"), ElementsAre(R"({cluster="main"} 0)"));
}

TEST(MetricsTextTest, TellsOfThePort) {
    EXPECT_THAT(samples(sample_report(), "port_"),
                ElementsAre(R"(backends_eligible{cluster="main",port="master"} 1)",
                            R"(falls_back{cluster="main",port="master"} 1)",
                            R"(sessions_open{cluster="main",port="master"} 3)",
                            R"(sessions_max{cluster="main",port="master"} 500)",
                            R"(backend_sessions_max{cluster="main",port="master"} 200)",
                            R"(sessions_queued{cluster="main",port="master"} 1)",
                            R"(full{cluster="main",port="master"} 1)",
                            R"(queued_total{cluster="main",port="master"} 7)",
                            R"(oldest_held_seconds{cluster="main",port="master"} 1.5)",
                            R"(refused_total{cluster="main",port="master",reason="no_backend"} 4)",
                            R"(refused_total{cluster="main",port="master",reason="port_full"} 0)"));
    ProxyReport report = sample_report();
    report.clusters[0].ports[0].members.clear();
    EXPECT_THAT(samples(report, "port_backends_eligible"),
                ElementsAre(R"({cluster="main",port="master"} 0)"));
}

TEST(MetricsTextTest, TellsOfTheSessionsOfAPortOnAMember) {
    const std::string of = R"({cluster="main",port="master",member="p1")";
    EXPECT_THAT(samples(sample_report(), "backend_"),
                ElementsAre("sessions_open" + of + "} 2", "sessions_total" + of + "} 12",
                            "from_client_bytes_total" + of + "} 1000",
                            "to_client_bytes_total" + of + "} 2000000000000",
                            "connect_failures_total" + of + "} 1",
                            "sessions_ended_total" + of + R"(,reason="client_closed"} 9)",
                            "sessions_ended_total" + of + R"(,reason="cut"} 1)"));
}

TEST(MetricsTextTest, WhatIsNotKnownHasNoSample) {
    ProxyReport report;
    report.clusters.resize(1);
    EXPECT_THAT(samples(report, "reload_age"), IsEmpty());
    EXPECT_THAT(samples(report, "cluster_table_age"), IsEmpty());
    expect_good(metrics_text(report));
    expect_good(metrics_text({}));
}

TEST(MetricsTextTest, KeepsToTheConventions) {
    // promtool also refuses a family that comes in two pieces.
    ProxyReport report = sample_report();
    report.clusters.push_back(report.clusters[0]);
    report.clusters[1].name = "second";
    report.clusters[0].ports.push_back(report.clusters[0].ports[0]);
    report.clusters[0].ports[1].name = "replicas";
    expect_good(metrics_text(report));
}

TEST(MetricsTextTest, LabelsMayHoldAnything) {
    ProxyReport report = sample_report();
    report.clusters[0].name = "a\"b\\c\nd\\n";
    EXPECT_THAT(samples(report, "cluster_paused"), ElementsAre(R"({cluster="a\"b\\c\\nd\\n"} 1)"));
    report.clusters[0].name = std::string("a\0\xFFz", 4);
    EXPECT_THAT(samples(report, "cluster_paused"),
                ElementsAre("{cluster=\"a\\\\u0000\xEF\xBF\xBDz\"} 1"));

    for (int byte = 0; byte < 256; ++byte)
        report.clusters[0].name += static_cast<char>(byte);
    report.version = report.clusters[0].members[0].state = report.clusters[0].name;
    report.clusters[0].ports[0].name = report.clusters[0].ports[0].traffic[0].member =
        report.clusters[0].name;
    report.clusters[0].ports[0].refused = {{report.clusters[0].name, 1}};
    const std::string text = metrics_text(report);
    EXPECT_EQ(daemons::valid_utf8(text), text);
    EXPECT_TRUE(std::none_of(text.begin(), text.end(),
                             [](unsigned char c) { return c != '\n' && (c < 0x20 || c == 0x7F); }));
    expect_good(text);
}

TEST(MetricsTextTest, LabelsAreBoundedAndNoSeriesStandsTwice) {
    ProxyReport report = sample_report();
    auto& members = report.clusters[0].members;
    members.resize(1);
    members[0].name = std::string(100'000, 'm');
    members.push_back(members[0]);
    members[1].name +=
        "other";  // beyond what is shown: a scrape with the same series twice is lost
    const auto shown = samples(report, "member_up");
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_LT(shown[0].size(), 400U);
    expect_good(metrics_text(report));
}

}  // namespace
}  // namespace proxy
