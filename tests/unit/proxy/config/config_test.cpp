#include "patroni_proxy/config/config.h"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "config_text.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using patroni::LagSource;
using patroni::OnIneligible;
using patroni::RequestedRole;
using patroni::TagValue;

TEST(ConfigTest, ReadsTheDocumentedExample) {
    const auto config = parse_config(R"(
cluster_update_interval: 3          # seconds (default 3)
listen_address: "127.0.0.1:8009"    # HTTP API (default 127.0.0.1:8009)
clusters:
  my_cluster:
    hosts: ["http://192.168.1.1:8008", "http://192.168.1.2:8008"]
    # tls: {ca_cert: ..., client_cert: ..., client_key: ..., skip_verify: false}
    ports:
      master:   {listen: "0.0.0.0:6432", roles: ["leader"], host_port: 5432}
      replicas: {listen: "0.0.0.0:6433", roles: ["sync", "async"], host_port: 5432, max_lag_in_bytes: 16777216}
)",
                                     "proxy.yaml");
    EXPECT_EQ(config.cluster_update_interval, 3s);
    EXPECT_EQ(config.listen_address, address("127.0.0.1:8009"));
    ASSERT_EQ(config.clusters.size(), 1U);
    const ClusterConfig& cluster = config.clusters[0];
    EXPECT_EQ(cluster.name, "my_cluster");
    EXPECT_EQ(cluster.hosts, (std::vector<patroni::Endpoint>{{false, "192.168.1.1", 8008},
                                                             {false, "192.168.1.2", 8008}}));
    ASSERT_EQ(cluster.ports.size(), 2U);
    EXPECT_EQ(cluster.ports[0].name, "master");
    EXPECT_EQ(cluster.ports[0].listen, std::vector{address("0.0.0.0:6432")});
    EXPECT_EQ(cluster.ports[0].wanted.roles, std::set{RequestedRole::leader});
    EXPECT_EQ(cluster.ports[0].wanted.max_lag, std::nullopt);
    EXPECT_EQ(cluster.ports[0].host_port, 5432);
    EXPECT_EQ(cluster.ports[1].name, "replicas");
    EXPECT_EQ(cluster.ports[1].listen, std::vector{address("0.0.0.0:6433")});
    EXPECT_EQ(cluster.ports[1].wanted.roles, (std::set{RequestedRole::sync, RequestedRole::async}));
    EXPECT_EQ(cluster.ports[1].wanted.max_lag, 16'777'216U);
    EXPECT_EQ(cluster.ports[1].host_port, 5432);
}

TEST(ConfigTest, ReadsAFileAsTheExistingProgramWritesIt) {
    // Block style, absent options as null or ~, role words in any case.
    const auto config = parse_config(R"(---
cluster_update_interval: 5
listen_address: ~
clusters:
  one:
    hosts:
      - "http://pg1.example.com:8008"
      - http://[2001:db8::7]:8008/
    tls: null
    ports:
      rw:
        listen: "[::]:6432"
        roles:
          - Leader
        host_port: 5432
        max_lag_in_bytes: null
  two:
    hosts: ['http://10.0.0.2:8008']
    tls: ~
    ports:
      ro: {listen: '127.0.0.1:6433', roles: [SYNC, async, Any], host_port: 6543, max_lag_in_bytes: ~}
...
)",
                                     "proxy.yaml");
    EXPECT_EQ(config.cluster_update_interval, 5s);
    EXPECT_EQ(config.listen_address, address("127.0.0.1:8009"));
    ASSERT_EQ(config.clusters.size(), 2U);
    EXPECT_EQ(config.clusters[0].hosts,
              (std::vector<patroni::Endpoint>{{false, "pg1.example.com", 8008},
                                              {false, "2001:db8::7", 8008}}));
    EXPECT_EQ(config.clusters[0].ports[0].listen, std::vector{address("[::]:6432")});
    EXPECT_EQ(config.clusters[0].ports[0].wanted.max_lag, std::nullopt);
    EXPECT_EQ(config.clusters[1].name, "two");
    EXPECT_EQ(config.clusters[1].ports[0].host_port, 6543);
    EXPECT_EQ(config.clusters[1].ports[0].wanted.roles,
              (std::set{RequestedRole::sync, RequestedRole::async, RequestedRole::any}));
}

TEST(ConfigTest, HasDefaults) {
    const auto config = parse_config(file_with("# nothing set"), "proxy.yaml");
    EXPECT_EQ(config.cluster_update_interval, 3s);
    EXPECT_EQ(config.listen_address, address("127.0.0.1:8009"));
    EXPECT_EQ(config.workers, std::max(1U, std::thread::hardware_concurrency()));
    EXPECT_EQ(first_port_of(config).wanted.max_lag, std::nullopt);
}

TEST(ConfigTest, TakesAnchorsAndAliases) {
    const auto config = parse_config(R"(
clusters:
  one:
    hosts: &hosts ["http://10.0.0.1:8008"]
    ports:
      a: {listen: "127.0.0.1:1001", roles: &standbys [sync, async], host_port: &pg 5432}
      b: {listen: "127.0.0.1:1002", roles: *standbys, host_port: *pg}
  two:
    hosts: *hosts
    ports:
      c: {listen: "127.0.0.1:1003", roles: *standbys, host_port: *pg}
)",
                                     "proxy.yaml");
    EXPECT_EQ(config.clusters[1].hosts, config.clusters[0].hosts);
    for (const PortConfig& port : {config.clusters[0].ports[1], config.clusters[1].ports[0]}) {
        EXPECT_EQ(port.wanted.roles, (std::set{RequestedRole::sync, RequestedRole::async}));
        EXPECT_EQ(port.host_port, 5432);
    }
}

TEST(ConfigTest, IntervalsAreSecondsOrHaveAUnit) {
    const std::vector<std::pair<std::string, std::chrono::milliseconds>> cases{
        {"3", 3s}, {"0.5", 500ms}, {"200ms", 200ms}, {"3s", 3s}, {"1m", 60s}, {"100ms", 100ms},
    };
    for (const auto& [text, interval] : cases)
        EXPECT_EQ(parse_config(file_with("cluster_update_interval: " + text), "proxy.yaml")
                      .cluster_update_interval,
                  interval)
            << text;
}

TEST(ConfigTest, APortFallsBackOnlyIfItIsToldTo) {
    const auto fallback_of = [](const std::string& keys) {
        return first_port_of(
                   parse_config(
                       file_with_port(R"(p: {listen: "127.0.0.1:1", roles: [sync], )" + keys + "}"),
                       "proxy.yaml"))
            .fallback;
    };
    EXPECT_EQ(fallback_of("host_port: 1"), std::nullopt);
    EXPECT_EQ(fallback_of("fallback_roles: ~, fallback_return: ~"), std::nullopt);
    EXPECT_EQ(fallback_of("fallback_roles: [Leader, async]"),
              (Fallback{{RequestedRole::leader, RequestedRole::async}, OnReturn::keep}));
    // Wider than what it falls back from.
    EXPECT_EQ(fallback_of("fallback_roles: [any], fallback_return: keep"),
              (Fallback{{RequestedRole::any}, OnReturn::keep}));
    EXPECT_EQ(fallback_of("fallback_roles: [leader], fallback_return: close"),
              (Fallback{{RequestedRole::leader}, OnReturn::close}));
}

TEST(ConfigTest, LagLimitsAreBytesOrHaveAUnit) {
    const std::vector<std::pair<std::string, std::uint64_t>> cases{
        {"0", 0},
        {"16777216", 16'777'216},
        {"512kB", 524'288},
        {"16MB", 16'777'216},
        {"1GB", 1'073'741'824},
    };
    for (const auto& [text, bytes] : cases) {
        const auto config = parse_config(
            file_with_port(R"(p: {listen: "127.0.0.1:1", roles: [any], host_port: 5432, )"
                           "max_lag_in_bytes: " +
                           text + "}"),
            "proxy.yaml");
        EXPECT_EQ(first_port_of(config).wanted.max_lag, bytes) << text;
    }
}

TEST(ConfigTest, APortHasDefaults) {
    const auto port = port_with("tags: ~");
    EXPECT_EQ(port.host_port, std::nullopt);
    patroni::Requirements expected;
    expected.roles = {RequestedRole::any};
    EXPECT_EQ(port.wanted, expected);
    EXPECT_EQ(port.wanted.max_lag, std::nullopt);
    EXPECT_EQ(port.wanted.lag_source, LagSource::automatic);
    EXPECT_EQ(port.wanted.lag_window, 10s);
    EXPECT_EQ(port.wanted.on_lag, OnIneligible::close);
    EXPECT_EQ(port.wanted.on_noloadbalance, OnIneligible::close);
    EXPECT_EQ(port.wanted.removal_grace, 0s);
    EXPECT_FALSE(port.wanted.streaming);
    EXPECT_TRUE(port.wanted.tags.empty());
}

TEST(ConfigTest, ReadsWhatAPortDemandsOfReplicas) {
    EXPECT_EQ(port_with("lag_source: live").wanted.lag_source, LagSource::live);
    EXPECT_EQ(port_with("lag_source: cluster").wanted.lag_source, LagSource::cluster);
    EXPECT_EQ(port_with("lag_source: auto").wanted.lag_source, LagSource::automatic);
    EXPECT_EQ(port_with("lag_window: 2.5").wanted.lag_window, 2500ms);
    EXPECT_EQ(port_with("lag_window: 0").wanted.lag_window, 0ms);
    EXPECT_EQ(port_with("on_lag: drain").wanted.on_lag, OnIneligible::drain);
    EXPECT_EQ(port_with("on_lag: drain").wanted.on_noloadbalance, OnIneligible::close);
    EXPECT_EQ(port_with("on_noloadbalance: drain").wanted.on_noloadbalance, OnIneligible::drain);
    EXPECT_EQ(port_with("on_noloadbalance: drain").wanted.on_lag, OnIneligible::close);
    EXPECT_EQ(port_with("on_lag: close, on_noloadbalance: close").wanted,
              port_with("tags: {}").wanted);
    EXPECT_EQ(port_with("removal_grace: 1m").wanted.removal_grace, 60s);
    EXPECT_TRUE(port_with("replication_state: streaming").wanted.streaming);
    // As text, like the values in Patroni's answer.
    // Patroni's own file is YAML: what it reads as a flag, it compares as true or false.
    EXPECT_EQ(port_with(R"(tags: {a: True, b: yes, c: "True", d: off, e: n})").wanted.tags,
              (std::map<std::string, TagValue>{{"a", {"True", "true"}},
                                               {"b", {"yes", "true"}},
                                               {"c", "True"},
                                               {"d", {"off", "false"}},
                                               {"e", "n"}}));
    EXPECT_EQ(port_with(R"(tags: {zone: a, ssd: true, priority: 10, weight: 0.5, text: "x y"})")
                  .wanted.tags,
              (std::map<std::string, TagValue>{{"zone", "a"},
                                               {"ssd", "true"},
                                               {"priority", "10"},
                                               {"weight", "0.5"},
                                               {"text", "x y"}}));
}

TEST(ConfigTest, ATagsValueIsWhatPatroniMakesOfIt) {
    const std::vector<std::pair<std::string, std::string>> cases{
        // As YAML 1.1 reads it, which is how Patroni's own file is read.
        {"true", "true"},
        {"True", "true"},
        {"TRUE", "true"},
        {"yes", "true"},
        {"On", "true"},
        {"false", "false"},
        {"no", "false"},
        {"OFF", "false"},
        // Text is text.
        {"\"yes\"", "yes"},
        {"'off'", "off"},
        {"y", "y"},
        {"N", "N"},
        {"truely", "truely"},
        {"1", "1"},
        {"0", "0"},
        // And so are numbers.
        {"007", "7"},
        {"010", "8"},
        {"-010", "-8"},
        {"08", "08"},
        {"1_000", "1000"},
        {"+5", "5"},
        {"-0", "0"},
        {"0x1F", "31"},
        {"0b101", "5"},
        {"0o17", "0o17"},
        {"12:30", "750"},
        {"-1:30:00", "-5400"},
        {"12:75", "12:75"},
        {"01:30", "01:30"},
        {"1:30.5", "90.5"},
        {"1.50", "1.5"},
        {"1.10", "1.1"},
        {"2.0", "2"},
        {".5", "0.5"},
        {"1.5e+3", "1500"},
        {"1e3", "1e3"},
        {"1.5e3", "1.5e3"},
        {"-2.50", "-2.5"},
        {"1.2.3", "1.2.3"},
        {"100000000000000000000", "100000000000000000000"},
        {"\"1.10\"", "1.10"},
        {"2024-01-15", "2024-01-15"},
        {"_1", "_1"},
        {"\"\"", ""},
    };
    for (const auto& [text, value] : cases)
        EXPECT_EQ(port_with("tags: {t: " + text + "}").wanted.tags.at("t").taken, value) << text;
}

TEST(ConfigTest, ReadsEveryRoleInAnyCase) {
    const auto config = parse_config(
        file_with_port(R"(p: {listen: "127.0.0.1:1", roles: [LEADER, Sync, quorum, aSync, )"
                       "Replica, standby_leader, any]}"),
        "proxy.yaml");
    EXPECT_EQ(first_port_of(config).wanted.roles,
              (std::set{RequestedRole::leader, RequestedRole::sync, RequestedRole::quorum,
                        RequestedRole::async, RequestedRole::replica, RequestedRole::standby_leader,
                        RequestedRole::any}));
}

TEST(ConfigTest, ReadsHowHostsAreReached) {
    const auto cluster_with = [](const std::string& more) {
        return parse_config(file_with_hosts(R"(hosts: ["https://pg1:8008"])" + more), "proxy.yaml")
            .clusters.at(0);
    };
    EXPECT_EQ(cluster_with("").hosts, (std::vector<patroni::Endpoint>{{true, "pg1", 8008}}));
    EXPECT_EQ(cluster_with("").resolve_prefer, patroni::ResolvePrefer::any);
    const std::vector<std::pair<std::string, patroni::ResolvePrefer>> cases{
        {"any", patroni::ResolvePrefer::any},
        {"ipv4", patroni::ResolvePrefer::ipv4},
        {"ipv6", patroni::ResolvePrefer::ipv6},
    };
    for (const auto& [word, prefer] : cases)
        EXPECT_EQ(cluster_with("\n    resolve_prefer: " + word).resolve_prefer, prefer) << word;
    EXPECT_EQ(cluster_with("").identity, patroni::ClusterIdentity{});
    EXPECT_EQ(
        cluster_with("\n    scope: main\n    system_identifier: 7710415257899169791").identity,
        (patroni::ClusterIdentity{"main", "7710415257899169791"}));
    EXPECT_EQ(cluster_with("").tls, nullptr);
    EXPECT_EQ(cluster_with("\n    tls: ~").tls, nullptr);
}

TEST(ConfigTest, PortsMayShareTheNumberOnDifferentAddressesAndAskForAnyFreeOne) {
    EXPECT_EQ(
        problems_of(file_with("listen_address: 127.0.0.1:0", R"(hosts: ["http://10.0.0.1:8008"])",
                              R"(a: {listen: "127.0.0.1:0", roles: [any], host_port: 1}
      b: {listen: "127.0.0.1:0", roles: [any], host_port: 1}
      c: {listen: "127.0.0.1:7", roles: [any], host_port: 1}
      d: {listen: "127.0.0.2:7", roles: [any], host_port: 65535})")),
        "");
}

}  // namespace
}  // namespace proxy
