#include "patroni_agent/config.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/process/temp_dir.h"

namespace agent {
namespace {

using namespace std::chrono_literals;
using patroni::RequestedRole;
using testing::ElementsAre;
using testing::HasSubstr;

std::string problems_of(const std::string& text) {
    try {
        (void)parse_config(text, "agent.yaml");
        return {};
    } catch (const ConfigError& error) {
        return error.what();
    }
}

/// Line 1: settings of the top level. Cluster "c" stands on line 3, the listener "l" on line 5.
std::string file_with(const std::string& top = "interval: 1s",
                      const std::string& listener = "listen: \"127.0.0.1:5555\", roles: [leader]") {
    return top + "\nclusters:\n  c: {hosts: [\"http://10.0.0.1:8008\"]}\nlisteners:\n  l: {" +
           listener + "}\n";
}

ListenerConfig listener_of(const std::string& keys) {
    return parse_config(file_with("interval: 1s", "listen: \"127.0.0.1:5555\", " + keys),
                        "agent.yaml")
        .listeners.at(0);
}

TEST(AgentConfigTest, DefaultsAreThoseOfTheIssue) {
    const Config config = parse_config(file_with(""), "agent.yaml");
    EXPECT_EQ(config.interval, 1s);
    EXPECT_FALSE(config.listen_address);
    EXPECT_FALSE(config.maintenance);
    EXPECT_EQ(config.maintenance_file, "/var/lib/patroni_agent/maintenance");
    EXPECT_FALSE(config.log.level);
    const ListenerConfig& listener = config.listeners.at(0);
    EXPECT_EQ(listener.name, "l");
    EXPECT_EQ(listener.cluster, "c");  // there is but one
    EXPECT_EQ(listener.member, "");
    EXPECT_FALSE(listener.by_request);
    EXPECT_EQ(listener.profile.ineligible, ServerState::maint);
    EXPECT_EQ(listener.profile.unknown, ServerState::maint);
    EXPECT_EQ(listener.profile.stale_after, 5s);
    EXPECT_FALSE(listener.wanted.max_lag);
}

TEST(AgentConfigTest, ReadsEveryKey) {
    const Config config = parse_config(R"(
interval: 500ms
listen_address: 127.0.0.1:8009
maintenance: true
maintenance_file: /run/out
log: {level: debug, format: json, file: /var/log/agent}
clusters:
  one: {hosts: ["http://10.0.0.1:8008", "http://10.0.0.2:8008"], resolve_prefer: ipv6, scope: main,
        system_identifier: "7710415257899169791"}
  two: {hosts: ["https://10.0.1.1:8008"], tls: {skip_verify: true}}
listeners:
  writes:
    listen: ["0.0.0.0:5555", "unix:/run/agent.sock"]
    cluster: one
    member: p1
    roles: [leader]
    ineligible: drain
    unknown: down
    stale_after: 4s
  reads:
    listen: 0.0.0.0:5556
    cluster: two
    roles: [replica, sync]
    max_lag_in_bytes: 16MB
    lag_source: live
    lag_window: 5s
    tags: {zone: a}
    replication_state: streaming
    ineligible: down
    unknown: maint
  asked:
    listen: 127.0.0.1:5557
    by_request: true
    max_lag_in_bytes: 1GB
)",
                                       "agent.yaml");
    EXPECT_EQ(config.interval, 500ms);
    EXPECT_EQ(config.listen_address->to_string(), "127.0.0.1:8009");
    EXPECT_TRUE(config.maintenance);
    EXPECT_EQ(config.maintenance_file, "/run/out");
    EXPECT_EQ(config.log.level, daemons::log::Level::debug);
    EXPECT_EQ(config.log.settings.file, "/var/log/agent");
    ASSERT_EQ(config.clusters.size(), 2U);
    EXPECT_EQ(config.clusters[0].hosts.size(), 2U);
    EXPECT_EQ(config.clusters[0].resolve_prefer, patroni::ResolvePrefer::ipv6);
    EXPECT_EQ(config.clusters[0].identity,
              (patroni::ClusterIdentity{"main", "7710415257899169791"}));
    EXPECT_NE(config.clusters[1].tls, nullptr);
    ASSERT_EQ(config.listeners.size(), 3U);
    const auto& writes = config.listeners[0];
    EXPECT_EQ(writes.listen.size(), 2U);
    EXPECT_EQ(writes.member, "p1");
    EXPECT_EQ(writes.profile.ineligible, ServerState::drain);
    EXPECT_EQ(writes.profile.unknown, ServerState::down);
    EXPECT_EQ(writes.profile.stale_after, 4s);
    const auto& reads = config.listeners[1];
    EXPECT_EQ(reads.cluster, "two");
    EXPECT_THAT(reads.wanted.roles, ElementsAre(RequestedRole::sync, RequestedRole::replica));
    EXPECT_EQ(reads.wanted.max_lag, 16U * 1024 * 1024);
    EXPECT_EQ(reads.wanted.lag_source, patroni::LagSource::live);
    EXPECT_EQ(reads.wanted.lag_window, 5s);
    EXPECT_THAT(reads.wanted.tags, ElementsAre(testing::Pair("zone", patroni::TagValue("a"))));
    EXPECT_TRUE(reads.wanted.streaming);
    EXPECT_EQ(reads.profile.ineligible, ServerState::down);
    const auto& asked = config.listeners[2];
    EXPECT_TRUE(asked.by_request);
    EXPECT_EQ(asked.cluster, "");
    EXPECT_TRUE(asked.wanted.roles.empty());
}

TEST(AgentConfigTest, AVerdictMayBeOlderWhereOnlyReadsAreAtStake) {
    EXPECT_EQ(listener_of("roles: [replica]").profile.stale_after, 30s);
    EXPECT_EQ(listener_of("roles: [sync, async, quorum]").profile.stale_after, 30s);
    EXPECT_EQ(listener_of("roles: [replica, leader]").profile.stale_after, 5s);
    EXPECT_EQ(listener_of("roles: [any]").profile.stale_after, 5s);
    EXPECT_EQ(listener_of("by_request: true").profile.stale_after, 5s);
    EXPECT_EQ(listener_of("roles: [replica], stale_after: 7s").profile.stale_after, 7s);
}

TEST(AgentConfigTest, EveryErrorHasItsLine) {
    const std::string listen = "listen: \"127.0.0.1:5555\"";
    const struct {
        std::string text;
        std::string problem;
    } cases[] = {
        {"", ":1: the file is empty"},
        {"[]", ":1: the file must be a mapping of keys to values"},
        {"interval: 1s\n",
         ":1: the file needs 'clusters'\nagent.yaml:1: the file needs 'listeners'"},
        {"a: [", ":"},
        {file_with("interval: 1ms"), ":1: interval must be at least 100ms"},
        {file_with("interval: soon"), ":1: the file: interval 'soon' is not allowed"},
        {file_with("interval: 2501ms"),
         ":5: listener 'l': stale_after must be at least twice the interval"},
        {file_with("interval: 2s", listen + ", roles: [leader], stale_after: 3999ms"),
         ":5: listener 'l': stale_after must be at least twice the interval"},
        {file_with("intervall: 1s"),
         ":1: unknown key 'intervall' in the file; did you mean 'interval'?"},
        {file_with("listen_address: here"), ":1: HTTP API: listen_address 'here' is not allowed"},
        {file_with("listen_address: 127.0.0.1:5555"),
         ":5: listener 'l': 127.0.0.1:5555 is taken by line 1 already"},
        {file_with("maintenance: maybe"), ":1: the file: maintenance 'maybe' is not allowed"},
        {file_with("maintenance_file: []"), ":1: the file: maintenance_file is not allowed"},
        {file_with("log: {level: loud}"), ":1: log: level 'loud' is not allowed"},
        {file_with("log: {lvl: info}"), ":1: unknown key 'lvl' in log; did you mean 'level'?"},
        {file_with("", "roles: [leader]"), ":5: listener 'l' needs 'listen'"},
        {file_with("", listen), ":5: listener 'l' needs 'roles'"},
        {file_with("", listen + ", roles: []"), ":5: listener 'l': roles must be a list"},
        {file_with("", listen + ", roles: [master]"), ":5: listener 'l': unknown role 'master'"},
        {file_with("", listen + ", role: [leader]"), ":5: listener 'l' needs 'roles'"},
        {file_with("", listen + ", roles: [any], cluster: d"),
         ":5: listener 'l': there is no cluster 'd'"},
        {file_with("", listen + ", roles: [any], ineligible: ready"),
         ":5: listener 'l': ineligible 'ready' is not allowed; it takes one of: maint, drain, "
         "down"},
        {file_with("", listen + ", roles: [any], unknown: up"),
         ":5: listener 'l': unknown 'up' is not allowed"},
        {file_with("", listen + ", roles: [any], max_lag_in_bytes: 1X"),
         ":5: listener 'l': max_lag_in_bytes '1X' is not allowed"},
        {file_with("", listen + ", by_request: yes"), ":5: listener 'l': by_request 'yes'"},
        {file_with("", listen + ", by_request: true, member: p1"),
         ":5: listener 'l': member is what HAProxy names with by_request: true"},
        {file_with("", listen + ", by_request: true, roles: [any]"),
         ":5: listener 'l': roles is what HAProxy names with by_request: true"},
        {"clusters:\n  c: {hosts: [\"ftp://x\"]}\nlisteners: {}\n", ":2: host 'ftp://x': "},
        {"clusters:\n  c: {}\nlisteners: {}\n", ":2: cluster 'c' needs 'hosts'"},
        {"clusters:\n  c: {hosts: [\"http://x:1\"], port: 1}\nlisteners: {}\n",
         ":2: unknown key 'port' in cluster 'c'"},
        {"clusters:\n  a: {hosts: [\"http://x:1\"]}\n  b: {hosts: [\"http://y:1\"]}\nlisteners:\n"
         "  l: {listen: \"127.0.0.1:1\", roles: [any]}\n",
         ":5: listener 'l' needs 'cluster'"},
    };
    for (const auto& [text, problem] : cases)
        EXPECT_THAT(problems_of(text), testing::StartsWith("agent.yaml" + problem)) << text;
}

TEST(AgentConfigTest, WhatIsProbablyNotMeantIsAWarning) {
    const auto warnings_of = [](const std::string& top, const std::string& keys) {
        return parse_config(file_with(top, "listen: \"127.0.0.1:5555\", " + keys), "agent.yaml")
            .warnings;
    };
    EXPECT_THAT(warnings_of("interval: 1s", "roles: [leader], stale_after: 10s"), ElementsAre());
    EXPECT_THAT(warnings_of("interval: 1s", "roles: [replica], stale_after: 60s"), ElementsAre());
    EXPECT_THAT(warnings_of("interval: 1s", "roles: [leader], stale_after: 30s"),
                ElementsAre(HasSubstr("agent.yaml:5: warning: listener 'l': with this stale_after "
                                      "a leader that fell silent may be READY")));
    EXPECT_THAT(warnings_of("interval: 1s", "roles: leader, max_lag_in_bytes: 16MB"),
                ElementsAre(HasSubstr("max_lag_in_bytes has no effect")));
    EXPECT_THAT(
        warnings_of("interval: 500", "roles: [replica], stale_after: 1h"),
        ElementsAre(HasSubstr("agent.yaml:1: warning: the file: interval 500 is 8 min 20 s")));
    EXPECT_THAT(parse_config("clusters: {}\nlisteners: {}\n", "agent.yaml").warnings,
                ElementsAre(HasSubstr("agent.yaml:2: warning: there are no listeners")));
}

TEST(AgentConfigTest, AllErrorsAreToldAtOnce) {
    const std::string problems =
        problems_of(file_with("interval: x", "listen: y, roles: [z], ineligible: w"));
    for (const char* each : {":1: ", "listen 'y'", "unknown role 'z'", "ineligible 'w'"})
        EXPECT_THAT(problems, HasSubstr(each));
}

TEST(AgentConfigTest, AFileThatCannotBeRead) {
    EXPECT_THROW((void)load_config("/nonexistent/agent.yaml"), ConfigError);
    const support::TempDir directory;
    EXPECT_EQ(load_config(directory.write("agent.yaml", file_with(""))).listeners.size(), 1U);
}

}  // namespace
}  // namespace agent
