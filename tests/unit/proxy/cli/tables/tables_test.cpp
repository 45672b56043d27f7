#include "patroni_proxy/cli/tables/tables.h"

#include <cstdlib>
#include <ctime>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni_proxy/cli/status/status_reader.h"
#include "patroni_proxy/report/status_json.h"
#include "unit/proxy/report/sample_report.h"

namespace proxy::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

/// As the daemon tells it.
ProxyReport told(const ProxyReport& report) {
    return read_status(status_json(report));
}

std::string text_of(const std::vector<Table>& tables) {
    std::string text;
    for (const auto& table : tables)
        text += render(table, {});
    return text;
}

void use_utc() {
    ::setenv("TZ", "UTC", 1);  // NOLINT(concurrency-mt-unsafe): there is one thread
    ::tzset();
}

TEST(MemberTableTest, HasTheColumnsOfPatronictl) {
    use_utc();
    EXPECT_EQ("\n" + text_of(member_tables(told(sample_report()))), R"(
+ Cluster: main ---------+---------+--------------+----+-----------+----------+--------+------------------------------+
| Member | Host          | Role    | State        | TL | Lag in MB | Sessions | Serves | Tags                         |
+--------+---------------+---------+--------------+----+-----------+----------+--------+------------------------------+
| p1     | 10.0.0.1:5432 | Leader  | running      |  7 |           |        2 | master | noloadbalance: true, zone: a |
| p2     | 10.0.0.2:5433 | Replica | streaming    |  6 |        16 |        0 |        |                              |
| p3     |               | Replica | start failed |    |   unknown |        0 |        |                              |
+--------+---------------+---------+--------------+----+-----------+----------+--------+------------------------------+
 Maintenance mode: on
 Last poll: 10.0.0.2:8008: timed out
 main/p2 is drained by uid 0, pid 42 since 2026-11-18 11:06:41: new kernel
 Warning: p2 is on timeline 6, the leader on 7
)");
}

TEST(MemberTableTest, SaysWhatAnOperatorHasSetInFull) {
    use_utc();
    ProxyReport report = sample_report();
    report.clusters[0].operator_settings = {
        {.setting = "cap", .member = "p1", .by = "uid 0", .since = 1'795'000'001, .sessions = 50},
        {.setting = "drain",
         .member = "p2",
         .port = "master",
         .by = "uid 0",
         .since = 1'795'000'001,
         .maintenance = true},
        {.setting = "freeze", .by = "uid 0", .since = 1'795'000'001}};
    report.clusters[0].warnings = {"the cluster is frozen by uid 0"};
    EXPECT_THAT(text_of(member_tables(told(report))),
                HasSubstr(" main/p1 is capped at 50 sessions by uid 0 since 2026-11-18 11:06:41\n"
                          " main/p2 is drained for maintenance on port master by uid 0 since "
                          "2026-11-18 11:06:41\n"
                          " Warning: the cluster is frozen by uid 0\n"))
        << "a freeze is told once";
}

TEST(MemberTableTest, LeavesOutWhatNobodyHas) {
    ProxyReport report = sample_report();
    for (auto& member : report.clusters[0].members) {
        member.tags.clear();
        member.port = 5432;
    }
    const std::string text = text_of(member_tables(report));
    EXPECT_THAT(text, Not(HasSubstr("Tags")));
    EXPECT_THAT(text, HasSubstr("| 10.0.0.1 |"));
}

TEST(MemberTableTest, SaysWhatIsWrongWithTheCluster) {
    ProxyReport report = sample_report();
    ClusterReport& cluster = report.clusters[0];
    cluster.leader = "";
    cluster.leader_reason = "p1 does not prove it";
    cluster.answer_age = 200;
    EXPECT_THAT(text_of(member_tables(report)),
                HasSubstr(" No leader: p1 does not prove it\n Maintenance mode: on\n"
                          " Patroni has not answered for 3 min 20 s\n"));
    cluster.answer_age.reset();
    EXPECT_THAT(text_of(member_tables(report)), HasSubstr(" Patroni has not answered yet\n"));
}

TEST(MemberTableTest, RolesAreWrittenAsPatronictlDoes) {
    ProxyReport report = sample_report();
    report.clusters[0].members[1].role = "sync_standby";
    report.clusters[0].members[2].role = "standby_leader";
    const std::string text = text_of(member_tables(report));
    EXPECT_THAT(text, HasSubstr("| Sync Standby   |"));
    EXPECT_THAT(text, HasSubstr("| Standby Leader |"));
}

TEST(PortTableTest, SaysWhoServes) {
    use_utc();
    EXPECT_EQ("\n" + text_of(port_tables(told(sample_report()))), R"(
+ Cluster: main -------------------+--------------------------+--------------+----------+------+---------+
| Port   | Listen                  | Roles                    | Serves       | Sessions | Held | Refused |
+--------+-------------------------+--------------------------+--------------+----------+------+---------+
| master | 0.0.0.0:6432, [::]:6432 | leader, else sync, async | fallback: p1 |    3/500 |    1 |       4 |
+--------+-------------------------+--------------------------+--------------+----------+------+---------+
 main/p2 is drained by uid 0, pid 42 since 2026-11-18 11:06:41: new kernel
 patroni_proxy serves nobody: it drains
)");
}

TEST(PortTableTest, ShowsWhoCannotBeReachedAndWhereNobodyServes) {
    ProxyReport report = sample_report();
    PortReport& port = report.clusters[0].ports[0];
    port.falls_back = false;
    port.members[0].unreachable = "connection refused";
    EXPECT_THAT(text_of(port_tables(report)), HasSubstr("| p1 (unreachable) |"));
    port.members.clear();
    EXPECT_THAT(text_of(port_tables(report)), HasSubstr("| nobody |"));
}

TEST(PortTableTest, ShowsWhatClientsOfAHeldOrDisabledPortMeet) {
    ProxyReport report = sample_report();
    PortReport& port = report.clusters[0].ports[0];
    port.operator_settings = {{.setting = "hold", .port = "master", .by = "uid 0"}};
    EXPECT_THAT(text_of(port_tables(report)), HasSubstr("| held, then fallback: p1 |"));
    EXPECT_THAT(text_of(member_tables(report)), HasSubstr("| master (held) |"));
    port.members.clear();
    EXPECT_THAT(text_of(port_tables(report)), HasSubstr("| held, then nobody |"));
    port = sample_report().clusters[0].ports[0];
    port.operator_settings = {{.setting = "hold", .port = "master", .by = "uid 0"},
                              {.setting = "disable", .port = "master", .by = "uid 0"}};
    EXPECT_THAT(text_of(port_tables(report)), HasSubstr("| disabled |"));
    EXPECT_THAT(text_of(member_tables(report)), HasSubstr("| master (disabled) |"));
}

TEST(PortTableTest, ShowsWhoIsFull) {
    ProxyReport report = sample_report();
    report.clusters[0].ports[0].max_connections_per_backend = 2;
    EXPECT_THAT(text_of(port_tables(report)), HasSubstr("| fallback: p1 (full) |"));
    EXPECT_THAT(text_of(member_tables(report)), HasSubstr("| master (full) |"));
}

constexpr const char* kSessions = R"({"sessions": [
    {"id": "w0-1", "cluster": "main", "port": "master", "client": "10.0.0.1:4444", "member": "p1",
     "backend": "10.0.0.2:5432", "own_address": "10.0.0.9:5000", "user": "app", "database": "shop",
     "application_name": null, "state": "relaying", "started_at": 1795000000.5, "age": 90061,
     "idle": 0.4, "bytes_from_client": 1000, "bytes_from_backend": 20971520, "held_for": 0,
     "by_fallback": false},
    {"id": 7, "cluster": "main", "port": "master", "client": "unix", "member": null,
     "own_address": null, "user": null, "database": null, "application_name": null,
     "state": "holding", "age": 5, "idle": 5, "bytes_from_client": -1, "bytes_from_backend": null,
     "held_for": 0.25}], "total": 9000, "truncated": true})";

TEST(SessionTableTest, ShowsEverySession) {
    Table table = session_table(kSessions);
    EXPECT_EQ(render(table, {.width = 60}),
              "-[ 1 ]------+-\n"
              "ID          | w0-1\n"
              "Client      | 10.0.0.1:4444\n"
              "Port        | main/master\n"
              "Member      | p1\n"
              "Proxy       | 10.0.0.9:5000\n"
              "User        | app\n"
              "Database    | shop\n"
              "Application | \n"
              "State       | relaying\n"
              "Age         | 1 d 1 h\n"
              "Idle        | 400 ms\n"
              "From client | 1000 B\n"
              "From member | 20 MB\n"
              "Held for    | \n"
              "-[ 2 ]------+-\n"
              "ID          | 7\n"
              "Client      | unix\n"
              "Port        | main/master\n"
              "Member      | \n"
              "Proxy       | \n"
              "User        | \n"
              "Database    | \n"
              "Application | \n"
              "State       | holding\n"
              "Age         | 5 s\n"
              "Idle        | 5 s\n"
              "From client | \n"
              "From member | \n"
              "Held for    | 250 ms\n"
              " 2 of 9000 sessions\n");
}

TEST(SessionTableTest, RefusesWhatIsNoListOfSessions) {
    for (const char* wrong : {"", "[]", "{}", "{\"sessions\": 3}", "<html>", "{\"sessions\": ["})
        EXPECT_THROW((void)session_table(wrong), Unreadable) << wrong;
    EXPECT_EQ(session_table(R"({"sessions": [1, null, "x"]})").rows.size(), 0U);
}

TEST(StatusReaderTest, RefusesWhatIsNoStatus) {
    for (const char* wrong : {"", "[]", "{}", "{\"clusters\": 3}", "<html>", "{\"clusters\": ["})
        EXPECT_THROW((void)read_status(wrong), Unreadable) << wrong;
}

TEST(StatusReaderTest, TakesAnAnswerOfAnotherVersion) {
    const auto report = read_status(
        R"({"clusters": [null, {"name": "main", "members": [{"name": "p1", "port": 99999,
            "tags": 3, "lag": -1}, 7], "ports": [{"name": 3, "members": [{"standing": "new"}]}]}]})");
    ASSERT_EQ(report.clusters.size(), 1U);
    EXPECT_EQ(report.clusters[0].members[0].port, std::nullopt);
    EXPECT_EQ(report.clusters[0].members[0].lag, std::nullopt);
    EXPECT_EQ(report.clusters[0].ports[0].members[0].standing, patroni::Standing::out);
}

TEST(HistoryTableTest, TellsOneLineARecordAndThenItsSteps) {
    use_utc();
    const std::string json = R"({"records": [{"id": 4, "cluster": "main", "kind": "leader",
        "began": 1800000000.25, "ended": 1800000001.5, "no_leader_seconds": 1.2,
        "summary": "leader p1 -> p2; planned switchover",
        "steps": [{"at": 1800000000.25, "step": "doubted", "member": "p1", "port": null,
                   "detail": "its API answers 503"}]},
       {"id": null, "cluster": "main", "kind": "clients", "began": 1800000100, "ended": null,
        "summary": "3 refused", "steps": []}]})";
    EXPECT_EQ("\n" + render(history_table(json), {}), R"(
+----+---------------------+---------+---------+---------+-------------------------------------+
| ID | Began               |  Lasted | Cluster | About   | What                                |
+----+---------------------+---------+---------+---------+-------------------------------------+
|  4 | 2027-01-15 08:00:00 |   1.2 s | main    | leader  | leader p1 -> p2; planned switchover |
|    | 2027-01-15 08:01:40 | ongoing | main    | clients | 3 refused                           |
+----+---------------------+---------+---------+---------+-------------------------------------+
)");
    const auto steps = record_table(json, "4");
    ASSERT_TRUE(steps);
    EXPECT_THAT(render(*steps, {}), HasSubstr("| +0.00 s | doubted | p1     |      | its API"));
    EXPECT_FALSE(record_table(json, "5"));
    EXPECT_THROW((void)history_table("{}"), Unreadable);
    EXPECT_THROW((void)history_table("<html>"), Unreadable);
}

}  // namespace
}  // namespace proxy::cli
