// docs/operations.md names metrics that exist, and tells of every way in which a session ends.

#include <fstream>
#include <regex>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni_proxy/host/session_end.h"
#include "patroni_proxy/report/metrics_text.h"
#include "report/sample_report.h"

namespace proxy {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

std::string operations_page() {
    std::ifstream file(TEST_DATA "/../../docs/operations.md");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

TEST(OperationsDocTest, NamesMetricsThatExist) {
    const std::string page = operations_page();
    const std::string metrics = metrics_text(sample_report());
    std::istringstream table(page.substr(page.find("## What to watch")));
    const std::regex metric("`([a-z_]+)(\\{[^`]*)?`");
    std::size_t names = 0;
    for (std::string line; std::getline(table, line);) {
        const std::string cell = line.starts_with("| `") ? line.substr(0, line.find('|', 1)) : "";
        for (std::sregex_iterator found(cell.begin(), cell.end(), metric), end; found != end;
             ++found) {
            EXPECT_THAT(metrics, ContainsRegex("patroni_proxy_" + found->str(1) + "[{ ]"));
            ++names;
        }
    }
    EXPECT_GE(names, 15U);
}

TEST(OperationsDocTest, TellsOfEveryEndOfASession) {
    const std::string page = operations_page();
    for (std::size_t end = 0; end < kSessionEnds; ++end)
        EXPECT_THAT(page, HasSubstr(std::string(describe(static_cast<SessionEnd>(end)))));
}

}  // namespace
}  // namespace proxy
