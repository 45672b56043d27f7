#include "patroni_proxy/haproxy/stats/stat_rows.h"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni_proxy/haproxy/runtime/servers_text.h"
#include "patroni_proxy/haproxy/runtime/stat_filter.h"
#include "patroni_proxy/haproxy/stats/exporter_text.h"
#include "patroni_proxy/haproxy/stats/info_text.h"
#include "patroni_proxy/haproxy/stats/stat_csv.h"
#include "patroni_proxy/haproxy/stats/stats_page.h"
#include "sample_ports.h"

namespace proxy::haproxy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using testing::Not;

std::vector<std::string> names_of(const std::vector<StatRow>& rows) {
    std::vector<std::string> names;
    for (const auto& row : rows)
        names.push_back(row.proxy + "/" + row.server);
    return names;
}

StatRow row_of(const std::vector<StatRow>& rows, const std::string& name) {
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const auto& row) {
        return row.proxy + "/" + row.server == name;
    });
    if (found == rows.end())
        throw std::runtime_error("no row " + name);
    return *found;
}

/// Fields of the CSV's lines, without looking at quotes: the samples have none before `check_desc`.
std::vector<std::vector<std::string>> fields_of(const std::string& csv) {
    std::vector<std::vector<std::string>> lines{{""}};
    for (const char letter : csv) {
        if (letter == '\n')
            lines.push_back({""});
        else if (letter == ',')
            lines.back().emplace_back();
        else
            lines.back().back() += letter;
    }
    lines.pop_back();
    return lines;
}

TEST(StatRowsTest, APortIsAFrontendItsMembersAreServersAndItsBackendComesLast) {
    EXPECT_THAT(names_of(stat_rows(sample_ports())),
                ElementsAre("main:rw/FRONTEND", "main:rw/p1", "main:rw/p2", "main:rw/p3",
                            "main:rw/p4", "main:rw/gone", "main:rw/BACKEND", "main:ro/FRONTEND",
                            "main:ro/p2", "main:ro/BACKEND"));
}

TEST(StatRowsTest, IdsAreUnique) {
    std::set<std::tuple<unsigned, RowKind, unsigned>> ids;
    const auto rows = stat_rows(sample_ports());
    for (const auto& row : rows)
        ids.insert({row.proxy_id, row.kind, row.server_id});
    EXPECT_EQ(ids.size(), rows.size());
}

TEST(StatRowsTest, AHealthyStandbyOnTheLeadersPortIsInMaintenanceAndNotDown) {
    const auto rows = stat_rows(sample_ports());
    EXPECT_EQ(row_of(rows, "main:rw/p1").value("status"), "UP");
    EXPECT_EQ(row_of(rows, "main:rw/p2").value("status"), "MAINT");
    EXPECT_EQ(row_of(rows, "main:rw/p3").value("status"), "DOWN");   // stopped, by Patroni
    EXPECT_EQ(row_of(rows, "main:rw/p4").value("status"), "DRAIN");  // keeps its sessions
    EXPECT_EQ(row_of(rows, "main:rw/gone").value("status"), "DOWN");
    EXPECT_EQ(row_of(rows, "main:rw/p2").value("last_chk"), "role is replica");
}

TEST(StatRowsTest, AMemberThatRefusesConnectsIsDown) {
    auto report = sample_ports();
    report.clusters[0].ports[0].members[0].unreachable = "connection refused";
    const auto rows = stat_rows(report);
    EXPECT_EQ(row_of(rows, "main:rw/p1").value("status"), "DOWN");
    EXPECT_EQ(row_of(rows, "main:rw/p1").value("check_status"), "L4CON");
    EXPECT_EQ(row_of(rows, "main:rw/BACKEND").value("status"), "DOWN");
    EXPECT_EQ(row_of(rows, "main:rw/FRONTEND").value("status"), "OPEN");
}

TEST(StatRowsTest, MembersThatServeByFallbackAreBackups) {
    auto report = sample_ports();
    report.clusters[0].ports[0].falls_back = true;
    const auto rows = stat_rows(report);
    EXPECT_EQ(row_of(rows, "main:rw/BACKEND").value("act"), "0");
    EXPECT_EQ(row_of(rows, "main:rw/BACKEND").value("bck"), "1");
    EXPECT_EQ(row_of(rows, "main:rw/p1").value("bck"), "1");
}

TEST(StatRowsTest, RatesAndTheLastChangeAreInHaproxysUnits) {
    auto report = sample_ports();
    report.started_at = 1'000;
    report.uptime = 90;
    auto& port = report.clusters[0].ports[0];
    port.members[0].since = 1'030.5;
    port.members[0].down_for = 12.9;
    port.since = 1'040;
    port.down_for = 7;
    port.traffic[1].rate = 2.6;
    port.traffic[1].most_per_second = 7;
    const auto rows = stat_rows(report);
    const StatRow server = row_of(rows, "main:rw/p1");
    const std::pair<const char*, const char*> values[]{
        {"rate", "3"}, {"rate_max", "7"}, {"lastchg", "59"}, {"downtime", "12"}};
    for (const auto& [column, value] : values)
        EXPECT_EQ(server.value(column), value) << column;
    EXPECT_THAT(servers_state({server}), HasSubstr(" 2 0 1 1 59 15 ")) << "since the last change";
    EXPECT_EQ(row_of(rows, "main:rw/p2").value("lastchg"), "") << "not known";
    EXPECT_THAT(servers_state({row_of(rows, "main:rw/p2")}), HasSubstr(" 1 1 0 17 "));
    EXPECT_EQ(row_of(rows, "main:rw/p2").value("downtime"), "");
    EXPECT_EQ(row_of(rows, "main:rw/BACKEND").value("lastchg"), "50");
    EXPECT_EQ(row_of(rows, "main:rw/BACKEND").value("downtime"), "7");
    EXPECT_EQ(row_of(rows, "main:rw/FRONTEND").value("downtime"), "") << "as in HAProxy";
    EXPECT_EQ(row_of(rows, "main:rw/FRONTEND").value("conn_rate"), "3");
    EXPECT_THAT(
        exporter_text(report),
        HasSubstr("haproxy_server_current_session_rate{proxy=\"main:rw\",server=\"p1\"} 3\n"));
}

TEST(StatRowsTest, AveragesAreInMilliseconds) {
    auto report = sample_ports();
    auto& port = report.clusters[0].ports[0];
    port.traffic[1].connect_time.note(0.002);
    port.traffic[1].connect_time.note(0.003);
    port.held_time.note(4.8);  // of 48 clients
    port.session_time.note(1);
    port.session_time.note(2);
    const auto rows = stat_rows(report);
    const auto times = [&](const char* name) {
        const StatRow row = row_of(rows, name);
        return std::vector<std::string>{row.value("qtime"), row.value("ctime"), row.value("rtime"),
                                        row.value("ttime")};
    };
    EXPECT_THAT(times("main:rw/BACKEND"), ElementsAre("100", "3", "0", "1500"));
    EXPECT_THAT(times("main:rw/p1"), ElementsAre("0", "3", "0", "0"));
    EXPECT_THAT(times("main:rw/p2"), ElementsAre("0", "0", "0", "0")) << "no session yet";
}

TEST(StatRowsTest, CountersAreThoseOfThePort) {
    const auto rows = stat_rows(sample_ports());
    const StatRow server = row_of(rows, "main:rw/p1");
    EXPECT_EQ(server.value("scur"), "3");
    EXPECT_EQ(server.value("stot"), "40");
    EXPECT_EQ(server.value("bin"), "1000");
    EXPECT_EQ(server.value("bout"), "2000");
    EXPECT_EQ(server.value("econ"), "5");
    EXPECT_EQ(server.value("srv_abrt"), "2");
    EXPECT_EQ(server.value("addr"), "10.0.0.1:6432") << "where its sessions go";
    const StatRow frontend = row_of(rows, "main:rw/FRONTEND");
    EXPECT_EQ(frontend.value("scur"), "4");
    EXPECT_EQ(frontend.value("stot"), "48");  // 41 on members, 7 refused
    EXPECT_EQ(frontend.value("slim"), "100");
    EXPECT_EQ(frontend.value("dcon"), "4");
    EXPECT_EQ(row_of(rows, "main:rw/BACKEND").value("qcur"), "1");
    EXPECT_EQ(row_of(rows, "main:rw/BACKEND").value("econ"), "8");  // 5, and 3 found nobody
}

TEST(StatCsvTest, EveryRowHasTheColumnsOfTheHeader) {
    const auto lines = fields_of(stat_csv(stat_rows(sample_ports())));
    ASSERT_EQ(lines.size(), 11U);
    EXPECT_EQ(lines.front().front(), "# pxname");
    for (const auto& line : lines) {
        EXPECT_EQ(line.size(), stat_columns().size() + 1);  // each field ends in a comma
        EXPECT_EQ(line.back(), "");
    }
}

// hatop reads the first 51 by their place, and takes whole numbers or nothing.
TEST(StatCsvTest, ColumnsAreWhereHaproxyHasThem) {
    const auto columns = stat_columns();
    EXPECT_EQ(columns[0], "pxname");
    EXPECT_EQ(columns[17], "status");
    EXPECT_EQ(columns[27], "iid");
    EXPECT_EQ(columns[32], "type");
    EXPECT_EQ(columns[36], "check_status");
    EXPECT_EQ(columns[50], "srv_abrt");
    EXPECT_EQ(columns[56], "last_chk");
    EXPECT_EQ(columns[73], "addr");
    EXPECT_EQ(columns[75], "mode");
    const std::set<std::size_t> words{0, 1, 17, 31, 36, 45};
    const auto lines = fields_of(stat_csv(stat_rows(sample_ports())));
    for (std::size_t line = 1; line < lines.size(); ++line)
        for (std::size_t i = 0; i <= 50; ++i)
            if (!words.contains(i)) {
                EXPECT_EQ(lines[line][i].find_first_not_of("0123456789"), std::string::npos)
                    << columns[i] << ": " << lines[line][i];
            }
}

TEST(StatCsvTest, TextFromPatroniStaysInItsField) {
    auto report = sample_ports();
    report.clusters[0].ports[0].members[0].reason = "a,\"b\"\nnext,line \xc3\xa9";
    const std::string csv = stat_csv(stat_rows(report));
    EXPECT_THAT(csv, HasSubstr(R"(,"a,""b""?next,line ??",)"));
    EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 11);
}

TEST(StatCsvTest, NamesHaveOnlyHaproxysLetters) {
    EXPECT_EQ(haproxy_name("p1-a_b.c:d"), "p1-a_b.c:d");
    EXPECT_EQ(haproxy_name("a b/c,\"\n"), "a_b_c___");
    EXPECT_EQ(haproxy_name("\xc3\xa9"), "__");
}

TEST(StatFilterTest, AsksByIdTypeAndServer) {
    const auto rows = stat_rows(sample_ports());
    EXPECT_THAT(names_of(filter_stat(rows, {"-1", "1", "-1"}).rows),
                ElementsAre("main:rw/FRONTEND", "main:ro/FRONTEND"));
    EXPECT_THAT(names_of(filter_stat(rows, {"2", "4", "2"}).rows), ElementsAre("main:rw/p2"));
    EXPECT_THAT(names_of(filter_stat(rows, {"main:ro", "-1", "-1"}).rows),
                ElementsAre("main:ro/FRONTEND", "main:ro/p2", "main:ro/BACKEND"));
    EXPECT_EQ(filter_stat(rows, {"nope", "-1", "-1"}).problem, "No such proxy.\n");
    EXPECT_EQ(filter_stat(rows, {"typed"}).problem, "Only CSV is supported.\n");
    EXPECT_THAT(names_of(filter_stat(rows, {"-1", "4", "-1", "up"}).rows),
                ElementsAre("main:rw/p1", "main:ro/p2"));
    EXPECT_THAT(names_of(filter_stat(rows, {"2", "4", "-1", "no-maint"}).rows),
                Not(testing::Contains("main:rw/p2")));
}

TEST(InfoTextTest, HasWhatToolsRefuseToGoWithout) {
    const std::string text = info_text(sample_ports());
    for (const auto* name :
         {"Name", "Version", "Release_date", "Nbproc", "Process_num", "Pid", "Uptime", "Maxconn",
          "CurrConns", "Maxpipes", "PipesUsed", "Tasks", "Run_queue", "node", "Idle_pct"})
        EXPECT_THAT("\n" + text, testing::ContainsRegex(std::string("\n") + name + ": [^\n]+\n"));
    EXPECT_THAT(text, HasSubstr("\nUptime: 1d 1h02m03s\nUptime_sec: 90123\n"));
    EXPECT_THAT(text, HasSubstr("\nCurrConns: 4\n"));
}

TEST(ExporterTextTest, UsesTheNamesOfHaproxysExporter) {
    const std::string text = exporter_text(sample_ports());
    EXPECT_THAT(text, HasSubstr("haproxy_frontend_current_sessions{proxy=\"main:rw\"} 4\n"));
    EXPECT_THAT(text, HasSubstr("haproxy_backend_active_servers{proxy=\"main:rw\"} 1\n"));
    EXPECT_THAT(text,
                HasSubstr("haproxy_server_sessions_total{proxy=\"main:rw\",server=\"p1\"} 40\n"));
    EXPECT_THAT(text, HasSubstr("haproxy_server_status{proxy=\"main:rw\",server=\"p2\","
                                "state=\"MAINT\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("haproxy_frontend_status{proxy=\"main:rw\",state=\"UP\"} 1\n"));
}

TEST(StatsPageTest, AnswersThePathsThatToolsAskFor) {
    for (const auto* path : {"/;csv", "/;csv;norefresh", "/stats;csv", "/stats;csv;norefresh",
                             "/stats", "/stats;norefresh"})
        EXPECT_TRUE(is_stats_path(path)) << path;
    for (const auto* path : {"/", "/status", "/statsx", "/x;csv", "/;x", ""})
        EXPECT_FALSE(is_stats_path(path)) << path;
    EXPECT_THAT(stats_response("/;csv", sample_ports()).body, testing::StartsWith("# pxname,"));
    const std::string page = stats_response("/stats", sample_ports()).body;
    EXPECT_THAT(page, HasSubstr("HAProxy version 0.1.0, "));
    EXPECT_THAT(page, HasSubstr("<b>uptime = </b> 1d 1h02m03s"));
}

TEST(StatsPageTest, TextFromPatroniIsNoMarkup) {
    auto report = sample_ports();
    report.clusters[0].ports[0].members[0].reason = "<script>&";
    EXPECT_THAT(stats_response("/stats", report).body, HasSubstr("&lt;script&gt;&amp;"));
}

}  // namespace
}  // namespace proxy::haproxy
