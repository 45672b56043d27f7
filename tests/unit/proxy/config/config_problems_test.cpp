// What is wrong with a configuration, in the words that its author reads.

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_text.h"

namespace proxy {
namespace {

using testing::StartsWith;

const std::string kKnownInPort =
    "Known: listen, listen_mode, freebind, connect_timeout, idle_timeout, queue_timeout, "
    "no_backend, "
    "max_connections, max_connections_per_backend, max_queued, max_connect_rate, allow, "
    "proxy_protocol, "
    "proxy_protocol_from, send_proxy, client_address, roles, "
    "max_lag_in_bytes, lag_source, lag_window, on_lag, on_noloadbalance, removal_grace, "
    "replication_state, tags, fallback_roles, fallback_return, host_port";

TEST(ConfigProblemsTest, NamesWhatIsWrongAtTheTop) {
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

TEST(ConfigProblemsTest, NamesWhatIsWrongInACluster) {
    const std::string form = "; it takes the form http://192.168.1.1:8008";
    const std::string no_list = "4: cluster 'c': hosts must be a list with at least one element";
    expect_problems({
        {file_with_hosts("# none"), "5: cluster 'c' needs 'hosts'"},
        {file_with_hosts("hosts: []"), no_list},
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
        {file_with_hosts("hosts: [\"http://h\"]\n    system_identifier: main"),
         "5: system_identifier must be a number, as database_system_identifier in a member's GET "
         "/patroni"},
        {file_with_hosts("hosts: [\"http://h\"]\n    scope: ''"),
         "5: cluster 'c': scope '' is not allowed; it takes text"},
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

TEST(ConfigProblemsTest, NamesWhatIsWrongInAPort) {
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
         "9: port 'p': lag_source 'patroni'" + either + "auto, cluster, live"},
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

TEST(ConfigProblemsTest, NamesWhatIsWrongWithAFallback) {
    const auto with = [](const std::string& roles, const std::string& keys) {
        return file_with_port("p:\n        listen: 127.0.0.1:1\n        roles: " + roles +
                              "\n        " + keys);
    };
    const std::string no_list =
        "9: port 'p': fallback_roles must be a list with at least one element";
    expect_problems({
        {with("[sync]", "fallback_roles: []"), no_list},
        {with("[sync]", "fallback_roles: [master]"),
         "9: port 'p': unknown role 'master'; allowed: leader, sync, quorum, async, replica, "
         "standby_leader, any"},
        {with("[sync, async]", "fallback_roles:\n          - leader\n          - Async"),
         "11: port 'p': 'async' in fallback_roles is already covered by roles"},
        {with("[replica]", "fallback_roles: [sync]"),
         "9: port 'p': 'sync' in fallback_roles is already covered by roles"},
        {with("[sync, async]", "fallback_roles: [leader, replica]"),
         "9: port 'p': 'replica' in fallback_roles is already covered by roles"},
        {with("[any]", "fallback_roles: [leader]"),
         "9: port 'p': 'leader' in fallback_roles is already covered by roles"},
        {with("[sync]", "fallback_roles: [leader]\n        fallback_return: drain"),
         "10: port 'p': fallback_return 'drain' is not allowed; it takes one of: keep, close"},
        {with("[sync]", "fallback_return: keep"),
         "9: port 'p': fallback_return needs fallback_roles"},
    });
}

TEST(ConfigProblemsTest, UnknownKeysAreErrorsWithTheNearestKnownOne) {
    expect_problems({
        {file_with("worker: 2"),
         "1: unknown key 'worker' in the file; did you mean 'workers'? Known: "
         "cluster_update_interval, freebind, listen_address, listen_mode, http_allow, http_tls, "
         "http_control, http_control_token_file, control, haproxy_socket, on_change, workers, "
         "drain_timeout, stop, state_file, state_max_age, max_connections, log, tcp_user_timeout, "
         "tcp_keepalive, "
         "connect_timeout, idle_timeout, "
         "queue_timeout, "
         "no_backend, clusters, include"},
        {file_with_hosts("host: x\n    hosts: [\"http://h\"]"),
         "4: unknown key 'host' in cluster 'c'; did you mean 'hosts'? Known: hosts, tls, "
         "resolve_prefer, scope, system_identifier, ports"},
        // The existing program ignores it, and then limits nothing.
        {file_with_port(
             R"(p: {listen: "127.0.0.1:1", roles: [any], host_port: 1, max_lag_in_byte: 5})"),
         "6: unknown key 'max_lag_in_byte' in port 'p'; did you mean 'max_lag_in_bytes'? " +
             kKnownInPort},
    });
}

TEST(ConfigProblemsTest, NoTwoListenOnOneAddress) {
    expect_problems({
        {file_with("listen_address: 127.0.0.1:6432"),
         "6: port 'p': 127.0.0.1:6432 is taken by line 1 already"},
        {file_with_port(R"(a: {listen: "[::1]:6432", roles: [any], host_port: 1}
      b: {listen: "[0:0:0:0:0:0:0:1]:6432", roles: [any], host_port: 1})"),
         "7: port 'b': [0:0:0:0:0:0:0:1]:6432 is taken by line 6 already"},
    });
}

TEST(ConfigProblemsTest, RejectsWhatYamlLetsThrough) {
    expect_problems({
        {file_with("workers: 1\nworkers: 2"), "2: 'workers' stands twice in one mapping"},
        {"", "1: the file is empty"},
        {"# only a comment\n", "1: the file is empty"},
        {file_with() + "---\nworkers: 1\n", "1: the file holds more than one YAML document"},
    });
    EXPECT_THAT(problems_of("workers: 1\nclusters: {c: [}\n"), StartsWith("proxy.yaml:2: "));
    EXPECT_THAT(problems_of("clusters:\n\tc: 1\n"), StartsWith("proxy.yaml:2: "));
}

TEST(ConfigProblemsTest, TellsAllProblemsAtOnce) {
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
                  "proxy.yaml:7: unknown key 'lag' in port 'p'. " +
                  kKnownInPort);
}

}  // namespace
}  // namespace proxy
