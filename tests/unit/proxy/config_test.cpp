#include "patroni_proxy/config.h"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/certificates.h"
#include "support/temp_dir.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using patroni::OnUnfit;
using patroni::RequestedRole;
using testing::HasSubstr;
using testing::StartsWith;

net::SocketAddress address(const std::string& text) {
    return net::SocketAddress::parse(text).value();
}

/// What is wrong with a text, a line each; empty if it is good.
std::string problems_of(const std::string& text) {
    try {
        (void)parse_config(text, "proxy.yaml");
        return {};
    } catch (const ConfigError& error) {
        return error.what();
    }
}

/// Line 1: settings of the top level. Cluster "c" begins on line 3, its port "p" on line 6.
std::string file_with(
    const std::string& top = "workers: 1",
    const std::string& hosts = R"(hosts: ["http://10.0.0.1:8008"])",
    const std::string& port = R"(p: {listen: "127.0.0.1:6432", roles: [any], host_port: 5432})") {
    return top + "\nclusters:\n  c:\n    " + hosts + "\n    ports:\n      " + port + "\n";
}

std::string file_with_hosts(const std::string& hosts) {
    return file_with("workers: 1", hosts);
}

std::string file_with_port(const std::string& port) {
    return file_with("workers: 1", R"(hosts: ["http://10.0.0.1:8008"])", port);
}

const PortConfig& first_port_of(const Config& config) {
    return config.clusters.at(0).ports.at(0);
}

struct BadCase {
    std::string text;
    std::string problem;
};

const std::string kDurationHint = "it takes seconds (3, 0.5) or a unit (200ms, 3s, 1m, 2h)";
const std::string kSizeHint = "it takes bytes (16777216) or a unit (512kB, 16MB, 1GB)";
const std::string kListenHint = "it takes an address with a port (127.0.0.1:6432, [::1]:6432)";

/// Each text has this one problem and no other.
void expect_problems(const std::vector<BadCase>& cases) {
    for (const auto& [text, problem] : cases)
        EXPECT_EQ(problems_of(text), "proxy.yaml:" + problem) << text;
}

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
    EXPECT_EQ(cluster.ports[0].listen, address("0.0.0.0:6432"));
    EXPECT_EQ(cluster.ports[0].wanted.roles, std::set{RequestedRole::leader});
    EXPECT_EQ(cluster.ports[0].wanted.max_lag, std::nullopt);
    EXPECT_EQ(cluster.ports[0].host_port, 5432);
    EXPECT_EQ(cluster.ports[1].name, "replicas");
    EXPECT_EQ(cluster.ports[1].listen, address("0.0.0.0:6433"));
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
    EXPECT_EQ(config.clusters[0].ports[0].listen, address("[::]:6432"));
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

/// One port with these further keys.
PortConfig port_with(const std::string& keys) {
    return first_port_of(parse_config(
        file_with_port(R"(p: {listen: "127.0.0.1:1", roles: [any], )" + keys + "}"), "proxy.yaml"));
}

TEST(ConfigTest, APortHasDefaults) {
    const auto port = port_with("tags: ~");
    EXPECT_EQ(port.host_port, std::nullopt);
    patroni::Requirements expected;
    expected.roles = {RequestedRole::any};
    EXPECT_EQ(port.wanted, expected);
    EXPECT_EQ(port.wanted.max_lag, std::nullopt);
    EXPECT_FALSE(port.wanted.live_lag);
    EXPECT_EQ(port.wanted.lag_window, 10s);
    EXPECT_EQ(port.wanted.on_lag, OnUnfit::close);
    EXPECT_EQ(port.wanted.on_noloadbalance, OnUnfit::close);
    EXPECT_EQ(port.wanted.removal_grace, 0s);
    EXPECT_FALSE(port.wanted.streaming);
    EXPECT_TRUE(port.wanted.tags.empty());
}

TEST(ConfigTest, ReadsWhatAPortDemandsOfReplicas) {
    EXPECT_TRUE(port_with("lag_source: live").wanted.live_lag);
    EXPECT_FALSE(port_with("lag_source: cluster").wanted.live_lag);
    EXPECT_EQ(port_with("lag_window: 2.5").wanted.lag_window, 2500ms);
    EXPECT_EQ(port_with("lag_window: 0").wanted.lag_window, 0ms);
    EXPECT_EQ(port_with("on_lag: drain").wanted.on_lag, OnUnfit::drain);
    EXPECT_EQ(port_with("on_lag: drain").wanted.on_noloadbalance, OnUnfit::close);
    EXPECT_EQ(port_with("on_noloadbalance: drain").wanted.on_noloadbalance, OnUnfit::drain);
    EXPECT_EQ(port_with("on_noloadbalance: drain").wanted.on_lag, OnUnfit::close);
    EXPECT_EQ(port_with("on_lag: close, on_noloadbalance: close").wanted,
              port_with("tags: {}").wanted);
    EXPECT_EQ(port_with("removal_grace: 1m").wanted.removal_grace, 60s);
    EXPECT_TRUE(port_with("replication_state: streaming").wanted.streaming);
    // As text, like the values in Patroni's answer.
    // Patroni's own file is YAML: what it reads as a flag, it compares as true or false.
    EXPECT_EQ(port_with(R"(tags: {a: True, b: yes, c: "True", d: off, e: n})").wanted.tags,
              (std::map<std::string, std::string>{
                  {"a", "true"}, {"b", "true"}, {"c", "True"}, {"d", "false"}, {"e", "n"}}));
    EXPECT_EQ(port_with(R"(tags: {zone: a, ssd: true, priority: 10, weight: 0.5, text: "x y"})")
                  .wanted.tags,
              (std::map<std::string, std::string>{{"zone", "a"},
                                                  {"ssd", "true"},
                                                  {"priority", "10"},
                                                  {"weight", "0.5"},
                                                  {"text", "x y"}}));
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
    EXPECT_EQ(cluster_with("").tls, nullptr);
    EXPECT_EQ(cluster_with("\n    tls: ~").tls, nullptr);
}

/// Files for Patroni over TLS, and a cluster that is configured with them.
class ConfigTlsTest : public testing::Test {
  protected:
    /// A cluster whose `tls`, from line 5 on, has these keys.
    static std::string file_with_tls(const std::vector<std::string>& keys) {
        std::string tls = "\n    tls:";
        for (const auto& key : keys)
            tls += "\n      " + key;
        return file_with_hosts("hosts: [\"https://h\"]" + tls);
    }

    support::TempDir directory_;
    support::CertificateAuthority ca_{directory_};
    support::CertificateFiles client_ = ca_.issue({.name = "client"});
};

TEST_F(ConfigTlsTest, FilesAreReadAtOnce) {
    const std::vector<std::vector<std::string>> cases{
        {"ca_cert: " + ca_.certificate()},
        {"client_cert: " + client_.certificate, "client_key: " + client_.key},
        {"client_cert: " + client_.both},
        {"skip_verify: true"},
        {"ca_cert: " + ca_.certificate(), "client_cert: " + client_.certificate,
         "client_key: " + client_.key, "skip_verify: false"},
    };
    for (const auto& keys : cases)
        EXPECT_NE(parse_config(file_with_tls(keys), "proxy.yaml").clusters.at(0).tls, nullptr)
            << keys[0];
}

TEST_F(ConfigTlsTest, NamesWhatIsWrong) {
    const std::string in_tls = "6: tls of cluster 'c': ";
    const std::string nowhere = directory_.path() / "nowhere.pem";
    expect_problems({
        {file_with_tls({"ca_cert: " + nowhere}), in_tls + nowhere + ": No such file or directory"},
        {file_with_tls({"ca_cert: " + client_.key}),
         in_tls + client_.key + ": it holds no certificate in PEM format"},
        {file_with_tls({"client_cert: " + client_.certificate, "client_key: " + nowhere}),
         in_tls + nowhere + ": No such file or directory"},
        {file_with_tls({"client_key: " + client_.key}),
         in_tls + client_.key + ": a client key needs its client certificate"},
        {file_with_tls({"ca_cert: [a, b]"}), in_tls + "ca_cert is not allowed; it takes text"},
        {file_with_tls({"skip_verify: yes"}),
         in_tls + "skip_verify 'yes' is not allowed; it takes true or false"},
        {file_with_tls({"ca_file: /etc/ca.pem", "skip_verify: true"}),
         "6: unknown key 'ca_file' in tls of cluster 'c'; did you mean 'ca_cert'? Known: ca_cert, "
         "client_cert, client_key, skip_verify"},
        {file_with_hosts("hosts: [\"https://h\"]\n    tls: true"),
         "5: tls of cluster 'c' must be a mapping of keys to values"},
    });
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

TEST(ConfigTest, NamesWhatIsWrongAtTheTop) {
    expect_problems({
        {file_with("cluster_update_interval: often"),
         "1: the file: cluster_update_interval 'often' is not allowed; " + kDurationHint},
        {file_with("cluster_update_interval: -1"),
         "1: the file: cluster_update_interval '-1' is not allowed; " + kDurationHint},
        {file_with("cluster_update_interval: [3]"),
         "1: the file: cluster_update_interval is not allowed; " + kDurationHint},
        {file_with("cluster_update_interval: 0"),
         "1: cluster_update_interval must be at least 100ms"},
        {file_with("cluster_update_interval: 99ms"),
         "1: cluster_update_interval must be at least 100ms"},
        {file_with("workers: 0"),
         "1: the file: workers '0' is not allowed; it takes a whole number from 1 to 256"},
        {file_with("workers: 257"),
         "1: the file: workers '257' is not allowed; it takes a whole number from 1 to 256"},
        {file_with("workers: 1.5"),
         "1: the file: workers '1.5' is not allowed; it takes a whole number from 1 to 256"},
        {file_with("listen_address: localhost:8009"),
         "1: HTTP API: listen_address 'localhost:8009' is not allowed; " + kListenHint},
        {file_with("listen_address: 8009"),
         "1: HTTP API: listen_address '8009' is not allowed; " + kListenHint},
        {file_with("listen_address: [127.0.0.1]"),
         "1: the file: listen_address is not allowed; it takes text"},
        {"workers: 1\n", "1: the file needs 'clusters'"},
        {"clusters:\n", "1: the file needs 'clusters'"},
        {"\n\nclusters: 5\n", "3: clusters must be a mapping of keys to values"},
        {"- clusters\n",
         "1: the file must be a mapping of keys to values\nproxy.yaml:1: the file needs "
         "'clusters'"},
        {"clusters:\n  c: 5\n",
         "2: cluster 'c' must be a mapping of keys to values\n"
         "proxy.yaml:2: cluster 'c' needs 'hosts'\n"
         "proxy.yaml:2: cluster 'c' needs 'ports'"},
    });
}

TEST(ConfigTest, NamesWhatIsWrongInACluster) {
    const std::string form = "; it takes the form http://192.168.1.1:8008";
    const std::string no_list = "4: cluster 'c': hosts must be a list with at least one element";
    expect_problems({
        {file_with_hosts("# none"), "5: cluster 'c' needs 'hosts'"},
        {file_with_hosts("hosts: []"), no_list},
        {file_with_hosts("hosts: http://10.0.0.1:8008"), no_list},
        {file_with_hosts("hosts: {a: b}"), no_list},
        {file_with_hosts("hosts: [[http://10.0.0.1:8008]]"),
         "4: cluster 'c': an element of hosts must be text"},
        {file_with_hosts(R"(hosts: ["10.0.0.1:8008"])"),
         "4: host '10.0.0.1:8008': only http:// and https:// are allowed" + form},
        {file_with_hosts(
             "hosts:\n      - http://10.0.0.1:8008\n      - http://10.0.0.1:8008/patroni"),
         "6: host 'http://10.0.0.1:8008/patroni': it must end after the port" + form},
        {file_with_hosts(R"(hosts: ["http://h:80", "http://h"])"),
         "4: host 'http://h' is listed twice"},
        {file_with_hosts("hosts: [\"http://h\"]\n    resolve_prefer: ipv5"),
         "5: cluster 'c': resolve_prefer 'ipv5' is not allowed; it takes one of: any, ipv4, ipv6"},
        {file_with_hosts("hosts: [\"http://h\"]\n    resolve_prefer: [ipv4]"),
         "5: cluster 'c': resolve_prefer is not allowed; it takes one of: any, ipv4, ipv6"},
        {"clusters:\n  c:\n    hosts: [\"http://h\"]\n", "3: cluster 'c' needs 'ports'"},
        {"clusters:\n  c:\n    hosts: [\"http://h\"]\n    ports: {}\n",
         "4: cluster 'c' needs at least one port"},
        {"clusters:\n  c:\n    hosts: [\"http://h\"]\n    ports: [6432]\n",
         "4: ports of cluster 'c' must be a mapping of keys to values"},
    });
}

TEST(ConfigTest, NamesWhatIsWrongInAPort) {
    const std::string roles =
        "; allowed: leader, sync, quorum, async, replica, standby_leader, any";
    const std::string number = " is not allowed; it takes a whole number from 1 to 65535";
    expect_problems({
        {file_with_port("p: {roles: [any], host_port: 1}"), "6: port 'p' needs 'listen'"},
        {file_with_port(R"(p: {listen: "127.0.0.1:1", host_port: 1})"),
         "6: port 'p' needs 'roles'"},
        {file_with_port("p: {listen: pg1:6432, roles: [any], host_port: 1}"),
         "6: port 'p': listen 'pg1:6432' is not allowed; " + kListenHint},
        {file_with_port(R"(p: {listen: "::1:6432", roles: [any], host_port: 1})"),
         "6: port 'p': listen '::1:6432' is not allowed; " + kListenHint},
        {file_with_port(R"(p: {listen: "127.0.0.1:65536", roles: [any], host_port: 1})"),
         "6: port 'p': listen '127.0.0.1:65536' is not allowed; " + kListenHint},
        {file_with_port("p:\n        listen: 127.0.0.1:1\n        roles:\n          - sync\n"
                        "          - master\n        host_port: 1"),
         "10: port 'p': unknown role 'master'" + roles},
        {file_with_port(R"(p: {listen: "127.0.0.1:1", roles: leader, host_port: 1})"),
         "6: port 'p': roles must be a list with at least one element"},
        {file_with_port(R"(p: {listen: "127.0.0.1:1", roles: [], host_port: 1})"),
         "6: port 'p': roles must be a list with at least one element"},
        {file_with_port(R"(p: {listen: "127.0.0.1:1", roles: [any], host_port: 0})"),
         "6: port 'p': host_port '0'" + number},
        {file_with_port(R"(p: {listen: "127.0.0.1:1", roles: [any], host_port: 65536})"),
         "6: port 'p': host_port '65536'" + number},
        {file_with_port(R"(p: {listen: "127.0.0.1:1", roles: [any], host_port: 05432})"),
         "6: port 'p': host_port '05432'" + number},
        {file_with_port(
             R"(p: {listen: "127.0.0.1:1", roles: [any], host_port: 1, max_lag_in_bytes: 16mb})"),
         "6: port 'p': max_lag_in_bytes '16mb' is not allowed; " + kSizeHint},
        {file_with_port(
             R"(p: {listen: "127.0.0.1:1", roles: [any], host_port: 1, max_lag_in_bytes: -1})"),
         "6: port 'p': max_lag_in_bytes '-1' is not allowed; " + kSizeHint},
    });
    const auto with = [](const std::string& key) {
        return file_with_port("p:\n        listen: 127.0.0.1:1\n        roles: [any]\n        " +
                              key);
    };
    const std::string either = " is not allowed; it takes one of: ";
    expect_problems({
        {with("lag_source: patroni"),
         "9: port 'p': lag_source 'patroni'" + either + "cluster, live"},
        {with("lag_window: soon"),
         "9: port 'p': lag_window 'soon' is not allowed; " + kDurationHint},
        {with("lag_window: -1"), "9: port 'p': lag_window '-1' is not allowed; " + kDurationHint},
        {with("on_lag: kill"), "9: port 'p': on_lag 'kill'" + either + "close, drain"},
        {with("on_lag: {close: 1}"), "9: port 'p': on_lag" + either + "close, drain"},
        {with("on_noloadbalance: true"),
         "9: port 'p': on_noloadbalance 'true'" + either + "close, drain"},
        {with("removal_grace: 1d"),
         "9: port 'p': removal_grace '1d' is not allowed; " + kDurationHint},
        {with("replication_state: running"),
         "9: port 'p': replication_state 'running'" + either + "streaming"},
        {with("tags: zone"), "9: tags must be a mapping of keys to values"},
        {with("tags:\n          ssd: true\n          zone: [a, b]"),
         "11: tags: the value of 'zone' must be text, a number, true or false"},
        {with("tags: {zone: }"),
         "9: tags: the value of 'zone' must be text, a number, true or false"},
        {with("host_port: postgres"), "9: port 'p': host_port 'postgres'" + number},
    });
}

TEST(ConfigTest, UnknownKeysAreErrorsWithTheNearestKnownOne) {
    expect_problems({
        {file_with("worker: 2"),
         "1: unknown key 'worker' in the file; did you mean 'workers'? Known: "
         "cluster_update_interval, listen_address, workers, clusters"},
        {file_with_hosts("host: x\n    hosts: [\"http://h\"]"),
         "4: unknown key 'host' in cluster 'c'; did you mean 'hosts'? Known: hosts, tls, "
         "resolve_prefer, ports"},
        // The existing program ignores it, and then limits nothing.
        {file_with_port(
             R"(p: {listen: "127.0.0.1:1", roles: [any], host_port: 1, max_lag_in_byte: 5})"),
         "6: unknown key 'max_lag_in_byte' in port 'p'; did you mean 'max_lag_in_bytes'? Known: "
         "listen, roles, host_port, max_lag_in_bytes, lag_source, lag_window, on_lag, "
         "on_noloadbalance, removal_grace, replication_state, tags"},
    });
}

TEST(ConfigTest, NoTwoListenOnOneAddress) {
    expect_problems({
        {file_with("listen_address: 127.0.0.1:6432"),
         "6: port 'p': 127.0.0.1:6432 is taken by line 1 already"},
        {file_with_port(R"(a: {listen: "[::1]:6432", roles: [any], host_port: 1}
      b: {listen: "[0:0:0:0:0:0:0:1]:6432", roles: [any], host_port: 1})"),
         "7: port 'b': [0:0:0:0:0:0:0:1]:6432 is taken by line 6 already"},
    });
}

TEST(ConfigTest, RejectsWhatYamlLetsThrough) {
    expect_problems({
        {file_with("workers: 1\nworkers: 2"), "2: 'workers' stands twice in one mapping"},
        {"", "1: the file is empty"},
        {"# only a comment\n", "1: the file is empty"},
        {file_with() + "---\nworkers: 1\n", "1: the file holds more than one YAML document"},
    });
    EXPECT_THAT(problems_of("workers: 1\nclusters: {c: [}\n"), StartsWith("proxy.yaml:2: "));
    EXPECT_THAT(problems_of("clusters:\n\tc: 1\n"), StartsWith("proxy.yaml:2: "));
}

TEST(ConfigTest, TellsAllProblemsAtOnce) {
    EXPECT_EQ(problems_of("workers: 0\ncluster_update_interval: x\nclusters:\n  c:\n"
                          "    hosts: [ftp://h]\n    ports:\n"
                          "      p: {listen: nowhere, roles: [boss], host_port: 0, lag: 1}\n"),
              "proxy.yaml:2: the file: cluster_update_interval 'x' is not allowed; " +
                  kDurationHint +
                  "\nproxy.yaml:1: the file: workers '0' is not allowed; it takes a whole number "
                  "from 1 to 256\n"
                  "proxy.yaml:5: host 'ftp://h': only http:// and https:// are allowed; it takes "
                  "the form http://192.168.1.1:8008\n"
                  "proxy.yaml:7: port 'p': listen 'nowhere' is not allowed; " +
                  kListenHint +
                  "\nproxy.yaml:7: port 'p': unknown role 'boss'; allowed: leader, sync, quorum, "
                  "async, replica, standby_leader, any\n"
                  "proxy.yaml:7: port 'p': host_port '0' is not allowed; it takes a whole number "
                  "from 1 to 65535\n"
                  "proxy.yaml:7: unknown key 'lag' in port 'p'; did you mean 'tags'? Known: "
                  "listen, roles, host_port, max_lag_in_bytes, lag_source, lag_window, on_lag, "
                  "on_noloadbalance, removal_grace, replication_state, tags");
}

std::string why_not_loaded(const std::string& path) {
    try {
        (void)load_config(path);
        return "it was loaded";
    } catch (const ConfigError& error) {
        return error.what();
    }
}

TEST(ConfigFileTest, IsReadWhole) {
    const support::TempDir directory;
    const auto path = directory.write("proxy.yaml", file_with("workers: 7"));
    EXPECT_EQ(load_config(path).workers, 7U);
}

TEST(ConfigFileTest, ItsPathStandsInEveryProblem) {
    const support::TempDir directory;
    const auto path = directory.write("proxy.yaml", file_with("workers: 0"));
    EXPECT_THAT(why_not_loaded(path), StartsWith(path + ":1: the file: workers '0'"));
}

TEST(ConfigFileTest, ThatCannotBeReadSaysWhy) {
    const support::TempDir directory;
    const std::string missing = directory.path() / "missing.yaml";
    EXPECT_EQ(why_not_loaded(missing), missing + ": cannot be read: No such file or directory");
    const std::string folder = directory.path();
    EXPECT_EQ(why_not_loaded(folder), folder + ": cannot be read: Is a directory");
}

TEST(ConfigFileTest, ThatIsEmptyIsCalledEmpty) {
    const support::TempDir directory;
    const auto path = directory.write("proxy.yaml", "");
    EXPECT_EQ(why_not_loaded(path), path + ":1: the file is empty");
}

TEST(ConfigFileTest, ThatIsTooLargeIsRefused) {
    const support::TempDir directory;
    const auto path = directory.write("proxy.yaml", std::string(4 * 1024 * 1024 + 1, '#'));
    EXPECT_EQ(why_not_loaded(path), path + ": is larger than 4 MiB");
}

}  // namespace
}  // namespace proxy
