#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sample_report.h"
#include "support/process/daemon_process.h"
#include "support/process/temp_dir.h"
#include "unit/metrics_table.h"

namespace agent {
namespace {

using testing::IsSupersetOf;

/// The samples, without what every name begins with.
std::vector<std::string> samples(const AgentReport& report) {
    const std::string start = "patroni_agent_";
    std::vector<std::string> found;
    std::istringstream text(metrics_text(report));
    for (std::string line; std::getline(text, line);)
        if (line.starts_with(start))
            found.push_back(line.substr(start.size()));
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

TEST(AgentMetricsTest, TellsEverything) {
    EXPECT_THAT(
        samples(sample_report()),
        IsSupersetOf({
            R"(build_info{version="0.1.0"} 1)",
            "uptime_seconds 3600.5",
            "maintenance 1",
            "descriptors_open 42",
            "descriptors_max 1024",
            "log_lines_dropped_total 5",
            "reloads_total 3",
            "reload_last_successful 0",
            R"(cluster_answer_age_seconds{cluster="main"} 0.25)",
            R"(polls_total{cluster="main"} 103)",
            R"(polls_failed_total{cluster="main"} 3)",
            R"(cluster_leader_known{cluster="main"} 1)",
            R"(cluster_members{cluster="main"} 2)",
            R"(member_leads{cluster="main",member="p1"} 1)",
            R"(member_leads{cluster="main",member="p2"} 0)",
            R"(replies_total{listener="writes",state="ready"} 12)",
            R"(replies_total{listener="writes",state="down"} 0)",
            R"(answer{listener="writes",cluster="main",member="p1",role="leader",state="ready"} 1)",
            R"(answer{listener="writes",cluster="main",member="p1",role="leader",state="maint"} 0)",
            R"(answer{listener="asked",cluster="main",member="p2",role="leader",state="maint"} 1)",
            R"(answer_age_seconds{listener="asked",cluster="main",member="p1",role="leader"} 0.5)",
        }));
}

TEST(AgentMetricsTest, KeepsToTheConventions) {
    expect_good(metrics_text(sample_report()));
    expect_good(metrics_text({}));
    AgentReport report = sample_report();
    for (int byte = 0; byte < 256; ++byte)
        report.listeners[0].answers[0].member += static_cast<char>(byte);
    report.clusters[0].name = report.listeners[0].name = report.listeners[0].answers[0].member;
    expect_good(metrics_text(report));
}

TEST(AgentMetricsTest, AreAllInTheDocumentation) {
    EXPECT_EQ(documented_metrics("patroni_agent"), metrics_table(metrics_text(sample_report())));
}

TEST(AgentMetricsTest, ThoseThatRulesAskForExist) {
    const auto series = series_of(metrics_text(sample_report()));
    const auto asked = asked_for("patroni_agent_");
    EXPECT_GE(asked.size(), 2U);
    for (const auto& name : asked)
        EXPECT_THAT(series, testing::Contains(name));
}

TEST(AgentMetricsTest, WhatIsNotKnownHasNoSample) {
    AgentReport report = sample_report();
    report.clusters[0].answer_age.reset();
    report.listeners[0].answers[0].age.reset();
    const std::string text = metrics_text(report);
    EXPECT_EQ(text.find("cluster_answer_age_seconds"), std::string::npos);
    EXPECT_EQ(text.find("answer_age_seconds{listener=\"writes\""), std::string::npos);
}

}  // namespace
}  // namespace agent
