// docs/operations.md has a section for each alert and names each reason for the end of a session;
// docs/metrics.md has each metric. Rules and dashboard ask for metrics that exist.

#include <cctype>
#include <regex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni_proxy/host/session_end.h"
#include "patroni_proxy/report/metrics_text.h"
#include "report/sample_report.h"
#include "unit/metrics_table.h"

namespace proxy {
namespace {

using testing::Contains;
using testing::ContainsRegex;
using testing::HasSubstr;

std::vector<std::string> found_in(const std::string& text, const std::string& pattern) {
    const std::regex regex(pattern);
    std::vector<std::string> found;
    for (std::sregex_iterator match(text.begin(), text.end(), regex), end; match != end; ++match)
        found.push_back(match->str(1));
    return found;
}

std::string lower(std::string text) {
    for (char& c : text)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

TEST(OperationsDocTest, HasASectionForEachAlert) {
    const std::string page = content_of_project_file("docs/operations.md");
    const std::string rules = content_of_project_file("contrib/prometheus/patroni_proxy.rules.yml");
    const auto alerts = found_in(rules, "- alert: (\\w+)");
    EXPECT_GE(alerts.size(), 20U);
    EXPECT_EQ(found_in(page, "### (Patroni(?:Proxy|Agent)\\w+)"), alerts) << "in the same order";
    const auto runbooks = found_in(rules, "runbook: docs/operations.md#(\\w+)");
    ASSERT_EQ(runbooks.size(), alerts.size());
    for (std::size_t i = 0; i < alerts.size(); ++i) {
        EXPECT_EQ(runbooks[i], lower(alerts[i]));
        const auto start = page.find("### " + alerts[i] + "\n");
        const std::string section = page.substr(start, page.find("\n### ", start) - start);
        for (const char* const part : {"\n- **Means**: ", "\n- **Look at**: ", "\n- **Do**: "})
            EXPECT_THAT(section, HasSubstr(part)) << alerts[i];
    }
}

TEST(OperationsDocTest, EachAlertIsSeenToFireInATest) {
    const std::string rules = content_of_project_file("contrib/prometheus/patroni_proxy.rules.yml");
    const std::string tests = content_of_project_file("tests/unit/contrib/rules_test.yml");
    for (const auto& alert : found_in(rules, "- alert: (\\w+)"))
        EXPECT_THAT(tests, ContainsRegex("alertname: " + alert + "\n +exp_alerts:\n")) << alert;
}

TEST(OperationsDocTest, EachAlertSaysHowLongHowBadAndWhat) {
    const std::string rules = content_of_project_file("contrib/prometheus/patroni_proxy.rules.yml");
    const auto alerts = found_in(rules, "- alert: (\\w+)").size();
    EXPECT_EQ(found_in(rules, "labels: \\{severity: (critical|warning)\\}").size(), alerts);
    EXPECT_EQ(found_in(rules, "summary: \"([^\"]+)\"").size(), alerts);
    // Two rules look back over an hour instead.
    EXPECT_EQ(found_in(rules, "\n        for: (\\w+)").size(), alerts - 2);
}

TEST(OperationsDocTest, TellsOfEveryEndOfASession) {
    const std::string page = content_of_project_file("docs/operations.md");
    for (std::size_t end = 0; end < kSessionEnds; ++end)
        EXPECT_THAT(page, HasSubstr(std::string(describe(static_cast<SessionEnd>(end)))));
}

TEST(MetricsDocTest, HasEachMetricWithItsTypeAndMeaning) {
    EXPECT_EQ(documented_metrics("patroni_proxy"), metrics_table(metrics_text(sample_report())));
}

TEST(MetricsDocTest, RulesAndDashboardAskForMetricsThatExist) {
    const auto series = series_of(metrics_text(sample_report()));
    const auto asked = asked_for("patroni_proxy_");
    EXPECT_GE(asked.size(), 30U);
    for (const auto& name : asked)
        EXPECT_THAT(series, Contains(name));
    for (const auto& name : asked_for("process_"))
        EXPECT_THAT(series, Contains(name));
}

}  // namespace
}  // namespace proxy
