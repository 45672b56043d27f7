#include "patroni_proxy/report/status_json.h"

#include <limits>
#include <string>

#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/text/utf8.h"
#include "on_one_line.h"
#include "sample_report.h"

namespace proxy {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(StatusJsonTest, HasEveryKeyInItsOrder) {
    EXPECT_EQ(on_one_line(status_json(sample_report())), on_one_line(R"({
        "version": "0.1.0",
        "started_at": 1795000000.25,
        "started_at_iso": "2026-11-18T11:06:40.250Z",
        "now": 1795003600.75,
        "now_iso": "2026-11-18T12:06:40.750Z",
        "uptime": 3600.5,
        "workers": 4,
        "sessions": 3,
        "max_connections": 10000,
        "descriptors": 42,
        "max_descriptors": 524288,
        "log_lines_dropped": 5,
        "log_problem": "the log file '/l': No space left on device",
        "ready": false,
        "draining": true,
        "why_not_ready": "it drains",
        "reload": {"good": 2,"failed": 1,"last_age": 60,"last_good": false,
            "last_error": "patroni_proxy.yaml:3: unknown key 'role'"},
        "clusters": [{
            "name": "main",
            "leader": "p1",
            "leader_reason": "its /primary answers 200",
            "leader_since": 1795000100,
            "leader_since_iso": "2026-11-18T11:08:20.000Z",
            "paused": true,
            "table_age": 0.5,
            "warnings": ["p2 is on timeline 6, the leader on 7"],
            "polls": {"good": 100,"failed": 3,
                "last_error": "10.0.0.2:8008: timed out","last_host": "10.0.0.1:8008",
                "seconds_total": 4.5,"last_seconds": 0.023},
            "members": [
                {"name": "p1","role": "leader","state": "running",
                    "since": 1795000100,"since_iso": "2026-11-18T11:08:20.000Z",
                    "host": "10.0.0.1","port": 5432,"timeline": 7,"lag": null,
                    "tags": {"noloadbalance": "true","zone": "a"},
                    "up": true,"leads": true,"dcs_last_seen_age": 1.25},
                {"name": "p2","role": "replica","state": "streaming",
                    "since": null,"since_iso": null,
                    "host": "10.0.0.2","port": 5433,"timeline": 6,"lag": 16777216,
                    "tags": {},
                    "up": true,"leads": false,"dcs_last_seen_age": null},
                {"name": "p3","role": "replica","state": "start failed",
                    "since": null,"since_iso": null,
                    "host": null,"port": null,"timeline": null,"lag": null,
                    "tags": {},
                    "up": false,"leads": false,"dcs_last_seen_age": null}],
            "ports": [{
                "name": "master",
                "listen": ["0.0.0.0:6432","[::]:6432"],
                "roles": ["leader"],
                "fallback_roles": ["sync","async"],
                "falls_back": true,
                "members": [
                    {"member": "p1","address": "10.0.0.1:5432","standing": "eligible",
                        "reason": "it answers as primary","unreachable": "",
                        "since": 1795000100.5,"since_iso": "2026-11-18T11:08:20.500Z",
                        "sessions": 2,"lag": null},
                    {"member": "p2","address": "10.0.0.2:5433","standing": "tolerated",
                        "reason": "it led until now","unreachable": "",
                        "since": null,"since_iso": null,"sessions": 0,"lag": 16777216},
                    {"member": "p3","address": null,"standing": "out",
                        "reason": "role is replica","unreachable": "",
                        "since": null,"since_iso": null,"sessions": 0,"lag": null}],
                "traffic": [{
                    "member": "p1",
                    "sessions": 2,
                    "sessions_total": 12,
                    "bytes_from_client": 1000,
                    "bytes_from_backend": 2000000000000,
                    "connect_failures": 1,
                    "ended": {"client_closed": 9,"cut": 1}}],
                "sessions": 3,
                "max_connections": 500,
                "max_connections_per_backend": 200,
                "allow": ["10.0.0.0/8","fd00::/8"],
                "queue_timeout": 30,
                "max_queued": 1000,
                "queued": 1,
                "queued_for": "max_connections",
                "queued_total": 7,
                "last_minute": {
                    "connect": {"count": 12,"p50": 0.001,"p95": 0.002,"p99": 0.004},
                    "held": {"count": 0,"p50": null,"p95": null,"p99": null}},
                "refused": {"no_backend": 4,"port_full": 0},
                "operator": []}],
            "operator": [{"setting": "drain","member": "p2","port": null,"why": "new kernel",
                "by": "uid 0, pid 42","since": 1795000001.5,"since_iso": "2026-11-18T11:06:41.500Z",
                "until": null,"until_iso": null,
                "sessions": null,"maintenance": false}]}]})"));
}

TEST(StatusJsonTest, WhatIsNotKnownIsNull) {
    ProxyReport report;
    report.clusters.emplace_back();
    report.clusters[0].members.emplace_back();
    const std::string text = status_json(report);
    for (const char* key :
         {"leader", "leader_since", "leader_since_iso", "table_age", "last_host", "role", "state",
          "since", "since_iso", "host", "port", "timeline", "lag", "dcs_last_seen_age"})
        EXPECT_THAT(text, HasSubstr('"' + std::string(key) + "\": null"));
}

TEST(StatusJsonTest, IsIndentedAndEndsWithALine) {
    const std::string text = status_json(sample_report());
    EXPECT_THAT(text, StartsWith("{\n  \"version\": \"0.1.0\",\n"));
    EXPECT_THAT(text, HasSubstr("\n      \"leader\": \"p1\",\n"));
    EXPECT_TRUE(text.ends_with("]\n}\n"));
}

TEST(StatusJsonTest, IsValidWhateverTheNamesHold) {
    // Characters that JavaScript and terminals trip over, then every byte; POCO writes U+0000, but
    // reads what follows it no more.
    std::string name = "\xE2\x80\xA8\xF0\x9F\x90\x98\\u0041";
    for (int byte = 1; byte < 256; ++byte)
        name += static_cast<char>(byte);
    ProxyReport report = sample_report();
    ClusterReport& cluster = report.clusters[0];
    cluster.name = cluster.warnings[0] = cluster.members[0].name = name;
    cluster.members[0].tags = {{name, name}, {"", ""}};
    cluster.ports[0].refused = {{name, 1}};

    const std::string text = status_json(report);
    EXPECT_EQ(daemons::valid_utf8(text), text);
    for (const char c : text)
        EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= ' ') << int{c};

    const auto root = Poco::JSON::Parser().parse(text).extract<Poco::JSON::Object::Ptr>();
    const auto read = root->getArray("clusters")->getObject(0);
    const std::string shown = daemons::valid_utf8(name);
    EXPECT_EQ(read->getValue<std::string>("name"), shown);
    EXPECT_EQ(read->getArray("warnings")->getElement<std::string>(0), shown);
    const auto tags = read->getArray("members")->getObject(0)->getObject("tags");
    EXPECT_EQ(tags->getValue<std::string>(shown), shown);
    EXPECT_EQ(tags->getValue<std::string>(""), "");
    EXPECT_EQ(read->getArray("ports")->getObject(0)->getObject("refused")->getValue<int>(shown), 1);

    report.version = std::string("a\0b", 3);
    EXPECT_THAT(status_json(report), HasSubstr(R"("version": "a\u0000b",)"));
}

TEST(StatusJsonTest, NumbersAreWholeOrNull) {
    ProxyReport report;
    report.sessions = std::numeric_limits<std::uint64_t>::max();
    report.uptime = 1.0 / 3;
    report.started_at = std::numeric_limits<double>::infinity();
    report.reload.last_age = std::numeric_limits<double>::quiet_NaN();
    const std::string text = status_json(report);
    EXPECT_THAT(text, HasSubstr("\"sessions\": 18446744073709551615,"));
    EXPECT_THAT(text, HasSubstr("\"uptime\": 0.333,"));
    EXPECT_THAT(text, HasSubstr("\"started_at\": null,"));
    EXPECT_THAT(text, HasSubstr("\"last_age\": null,"));
}

}  // namespace
}  // namespace proxy
