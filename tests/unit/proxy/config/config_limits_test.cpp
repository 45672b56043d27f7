// The keys about listening, limits, timeouts and logging.

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_text.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using daemons::log::Format;
using daemons::log::Level;

Config config_with(const std::string& top) {
    return parse_config(file_with(top), "proxy.yaml");
}

/// A port, from line 6 on, with one more key on line 9.
std::string file_with_key(const std::string& key) {
    return file_with_port("p:\n        listen: 127.0.0.1:1\n        roles: [any]\n        " + key);
}

TEST(ConfigLimitsTest, HasDefaults) {
    const auto config = config_with("# nothing set");
    EXPECT_EQ(config.drain_timeout, 60s);
    EXPECT_EQ(config.stop, OnStop::close);
    EXPECT_EQ(config.state_file, "");
    EXPECT_EQ(config.state_max_age, 5min);
    EXPECT_EQ(config.max_connections, 0U);
    EXPECT_EQ(config.tcp, net::TcpOptions{});
    EXPECT_EQ(config.log.level, std::nullopt);
    EXPECT_EQ(config.log.settings, daemons::log::Settings{});
    const auto& port = first_port_of(config);
    EXPECT_EQ(port.settings, (PortSettings{.roles = "any"}));
    EXPECT_EQ(port.settings.connect_timeout, 4s);
    EXPECT_EQ(port.settings.idle_timeout, 0s);
    EXPECT_EQ(port.settings.queue_timeout, 0s);
    EXPECT_EQ(port.settings.max_queued, 10'000U);
    EXPECT_EQ(port.settings.no_backend, NoBackend::close);
    EXPECT_EQ(port.settings.max_connections, 0U);
    EXPECT_EQ(port.settings.max_connections_per_backend, 0U);
    EXPECT_TRUE(port.settings.allow.empty());
    EXPECT_TRUE(port.settings.log_sessions);
    EXPECT_EQ(port.listen_mode, std::nullopt);
    EXPECT_FALSE(config.freebind);
    EXPECT_FALSE(port.freebind);
}

TEST(ConfigLimitsTest, ReadsWhatHoldsForTheProcess) {
    EXPECT_EQ(config_with("drain_timeout: 2m").drain_timeout, 120s);
    EXPECT_EQ(config_with("drain_timeout: 0").drain_timeout, 0s);
    EXPECT_EQ(config_with("stop: drain").stop, OnStop::drain);
    EXPECT_EQ(config_with("stop: close").stop, OnStop::close);
    EXPECT_EQ(config_with("max_connections: 5000").max_connections, 5'000U);
    EXPECT_EQ(config_with("max_connections: 0").max_connections, 0U);
    EXPECT_EQ(config_with("max_connections: 7").clusters[0].ports[0].settings.max_connections, 0U)
        << "a port has its own";
    const std::string number = " is not allowed; it takes a whole number from 0 to 1000000000";
    expect_problems({
        {file_with("drain_timeout: soon"),
         "1: the file: drain_timeout 'soon' is not allowed; " + kDurationHint},
        {file_with("stop: now"),
         "1: the file: stop 'now' is not allowed; it takes one of: close, drain"},
        {file_with("max_connections: -1"), "1: the file: max_connections '-1'" + number},
        {file_with("max_connections: many"), "1: the file: max_connections 'many'" + number},
    });
}

TEST(ConfigLimitsTest, ReadsWhereStateIsKept) {
    const auto config = config_with("state_file: /var/lib/x/state\nstate_max_age: 1h");
    EXPECT_EQ(config.state_file, "/var/lib/x/state");
    EXPECT_EQ(config.state_max_age, 1h);
    expect_problems({
        {file_with("state_file: state"),
         "1: state_file must be an absolute path such as /var/lib/patroni_proxy/state"},
        {file_with("state_max_age: 1h"), "1: state_max_age needs state_file"},
    });
}

TEST(ConfigLimitsTest, ReadsHowTcpIsKeptAlive) {
    const auto config = config_with("tcp_user_timeout: 30s\ntcp_keepalive: 1m");
    EXPECT_EQ(config.tcp.user_timeout, 30s);
    EXPECT_EQ(config.tcp.keepalive_idle, 60s);
    EXPECT_EQ(config.tcp.keepalive_interval, net::TcpOptions{}.keepalive_interval);
    EXPECT_EQ(first_port_of(config).settings.tcp, config.tcp) << "towards backends too";
    const std::vector<std::pair<std::string, std::chrono::seconds>> good{
        {"0", 0s}, {"1s", 1s}, {"9h", 9h}};
    for (const auto& [text, idle] : good)
        EXPECT_EQ(config_with("tcp_keepalive: " + text).tcp.keepalive_idle, idle) << text;
    for (const std::string bad : {"999ms", "1ms", "32401s", "10h"})
        expect_problems({{file_with("tcp_keepalive: " + bad),
                          "1: tcp_keepalive must be from 1s to 9h, or 0 for none"}});
}

TEST(ConfigLimitsTest, ATimeoutOfTheFileIsForPortsWithoutOneOfTheirOwn) {
    const auto config = parse_config(
        file_with("connect_timeout: 2s\nidle_timeout: 1h", R"(hosts: ["http://10.0.0.1:8008"])",
                  R"(a: {listen: "127.0.0.1:1", roles: [any]}
      b: {listen: "127.0.0.1:2", roles: [any], connect_timeout: 500ms}
      c: {listen: "127.0.0.1:3", roles: [any], idle_timeout: 0})"),
        "proxy.yaml");
    const auto& ports = config.clusters.at(0).ports;
    EXPECT_EQ(ports[0].settings.connect_timeout, 2s);
    EXPECT_EQ(ports[0].settings.idle_timeout, 1h);
    EXPECT_EQ(ports[1].settings.connect_timeout, 500ms);
    EXPECT_EQ(ports[1].settings.idle_timeout, 1h);
    EXPECT_EQ(ports[2].settings.connect_timeout, 2s);
    EXPECT_EQ(ports[2].settings.idle_timeout, 0s) << "none, whatever the others have";
}

TEST(ConfigLimitsTest, ReadsHowLongAndHowManyClientsWaitForABackend) {
    const auto config =
        parse_config(file_with("queue_timeout: 5s", R"(hosts: ["http://10.0.0.1:8008"])",
                               R"(a: {listen: "127.0.0.1:1", roles: [any], max_queued: 50}
      b: {listen: "127.0.0.1:2", roles: [any], queue_timeout: 500ms}
      c: {listen: "127.0.0.1:3", roles: [any], queue_timeout: 0})"),
                     "proxy.yaml");
    const auto& ports = config.clusters.at(0).ports;
    EXPECT_EQ(ports[0].settings.queue_timeout, 5s);
    EXPECT_EQ(ports[0].settings.max_queued, 50U);
    EXPECT_EQ(ports[1].settings.queue_timeout, 500ms);
    EXPECT_EQ(ports[1].settings.max_queued, 10'000U);
    EXPECT_EQ(ports[2].settings.queue_timeout, 0s);
    EXPECT_EQ(port_with("queue_timeout: 1s, max_queued: 1").settings.max_queued, 1U);
    EXPECT_EQ(port_with("queue_timeout: 1s, max_connect_rate: 50").settings.max_connect_rate, 50U);
    expect_problems({
        {file_with_key("max_queued: 10"), "9: port 'p': max_queued needs queue_timeout"},
        {file_with_key("max_connect_rate: 10"),
         "9: port 'p': max_connect_rate needs queue_timeout"},
        {file_with_key("queue_timeout: 5s\n        max_queued: 0"),
         "10: port 'p': max_queued '0' is not allowed; it takes a whole number from 1 to "
         "1000000000"},
        {file_with_key("queue_timeout: never"),
         "9: port 'p': queue_timeout 'never' is not allowed; " + kDurationHint},
    });
}

TEST(ConfigLimitsTest, ReadsWhatAClientSeesForWhichThereIsNoBackend) {
    const auto config =
        parse_config(file_with("no_backend: postgres_error", R"(hosts: ["http://10.0.0.1:8008"])",
                               R"(a: {listen: "127.0.0.1:1", roles: [sync, leader]}
      b: {listen: "127.0.0.1:2", roles: [any], no_backend: close})"),
                     "proxy.yaml");
    const auto& ports = config.clusters.at(0).ports;
    EXPECT_EQ(ports[0].settings.no_backend, NoBackend::postgres_error);
    EXPECT_EQ(ports[0].settings.roles, "leader, sync");
    EXPECT_EQ(ports[1].settings.no_backend, NoBackend::close);
    expect_problems({
        {file_with_key("no_backend: error"),
         "9: port 'p': no_backend 'error' is not allowed; it takes one of: close, postgres_error, "
         "refuse"},
    });
}

TEST(ConfigLimitsTest, APortThatDoesNotListenCannotLetClientsWait) {
    const std::string exclusive =
        ": no_backend: refuse and queue_timeout exclude each other: a client that waits for a "
        "backend must be let in first. Set queue_timeout: 0 for this port, or no_backend: "
        "postgres_error";
    EXPECT_EQ(
        first_port_of(parse_config(file_with_key("no_backend: refuse"), "f")).settings.no_backend,
        NoBackend::refuse);
    EXPECT_NO_THROW((void)config_with("no_backend: refuse"));
    expect_problems({
        {file_with_key("no_backend: refuse\n        queue_timeout: 1s"), "9: port 'p'" + exclusive},
        // Wherever the two come from, the port is told.
        {file_with("no_backend: refuse\nqueue_timeout: 1s"), "7: port 'p'" + exclusive},
    });
}

TEST(ConfigLimitsTest, ReadsWhetherAnAddressMayComeLater) {
    const auto config = config_with("freebind: true");
    EXPECT_TRUE(config.freebind);
    EXPECT_TRUE(first_port_of(config).freebind);
    EXPECT_TRUE(first_port_of(parse_config(file_with_key("freebind: true"), "f")).freebind);
}

TEST(ConfigLimitsTest, AConnectNeedsItsTime) {
    expect_problems({
        {file_with_key("connect_timeout: 0"), "9: connect_timeout must be at least 1ms"},
        {file_with_key("connect_timeout: never"),
         "9: port 'p': connect_timeout 'never' is not allowed; " + kDurationHint},
        {file_with_key("idle_timeout: -1"),
         "9: port 'p': idle_timeout '-1' is not allowed; " + kDurationHint},
        // Told once, and not of each port that has none of its own.
        {file_with("connect_timeout: 0"), "1: connect_timeout must be at least 1ms"},
        {file_with("connect_timeout: 0ms", R"(hosts: ["http://10.0.0.1:8008"])",
                   R"(p: {listen: "127.0.0.1:1", roles: [any], connect_timeout: 1ms})"),
         "1: connect_timeout must be at least 1ms"},
        {file_with("idle_timeout: long"),
         "1: the file: idle_timeout 'long' is not allowed; " + kDurationHint},
    });
}

TEST(ConfigLimitsTest, ReadsHowManyAPortTakes) {
    const auto port = port_with("max_connections: 100, max_connections_per_backend: 50");
    EXPECT_EQ(port.settings.max_connections, 100U);
    EXPECT_EQ(port.settings.max_connections_per_backend, 50U);
    EXPECT_EQ(port_with("max_connections: 0").settings.max_connections, 0U);
    const std::string number = " is not allowed; it takes a whole number from 0 to 1000000000";
    expect_problems({
        {file_with_key("max_connections: 1e3"), "9: port 'p': max_connections '1e3'" + number},
        {file_with_key("max_connections_per_backend: -1"),
         "9: port 'p': max_connections_per_backend '-1'" + number},
    });
}

TEST(ConfigLimitsTest, ReadsTheProxyProtocol) {
    const auto plain = port_with("allow: 10.0.0.0/8").settings;
    EXPECT_EQ(plain.proxy_protocol, AcceptProxy::off);
    EXPECT_EQ(plain.send_proxy, SendProxy::off);
    const auto port =
        port_with("proxy_protocol: required, proxy_protocol_from: 10.0.0.5, send_proxy: v2")
            .settings;
    EXPECT_EQ(port.proxy_protocol, AcceptProxy::required);
    ASSERT_EQ(port.proxy_protocol_from.size(), 1U);
    EXPECT_EQ(port.proxy_protocol_from.front().to_string(), "10.0.0.5");
    EXPECT_EQ(port.send_proxy, SendProxy::v2);
    const auto optional =
        port_with("proxy_protocol: optional, proxy_protocol_from: [10.0.0.0/8], send_proxy: v1")
            .settings;
    EXPECT_EQ(optional.proxy_protocol, AcceptProxy::optional);
    EXPECT_EQ(optional.send_proxy, SendProxy::v1);
    expect_problems({
        {file_with_key("proxy_protocol: required"),
         "9: port 'p': proxy_protocol needs proxy_protocol_from: the networks of the balancers "
         "that "
         "may send the header, for whoever may send it can claim any address"},
        {file_with_key("proxy_protocol_from: 10.0.0.5"),
         "9: port 'p': proxy_protocol_from needs proxy_protocol"},
    });
}

TEST(ConfigLimitsTest, ReadsWhoMayComeIn) {
    const auto allow =
        port_with(R"(allow: ["10.0.0.0/8", 192.168.1.7, "fd00::/8", "::/0"])").settings.allow;
    std::vector<std::string> texts;
    for (const auto& network : allow)
        texts.push_back(network.to_string());
    EXPECT_EQ(texts, (std::vector<std::string>{"10.0.0.0/8", "192.168.1.7", "fd00::/8", "::/0"}));
    EXPECT_TRUE(port_with("allow: ~").settings.allow.empty());
    EXPECT_EQ(port_with("allow: 10.0.0.0/8").settings.allow.size(), 1U);
    const std::string no_list = "9: port 'p': allow must be a list with at least one element";
    expect_problems({
        // An empty list would not be what it looks like.
        {file_with_key("allow: []"), no_list},
        {file_with_key("allow: [[10.0.0.0/8]]"), "9: port 'p': an element of allow must be text"},
    });
    EXPECT_THAT(problems_of(file_with_key("allow:\n          - 10.0.0.1\n          - 10.1.2.3/8")),
                testing::StartsWith("proxy.yaml:11: port 'p': allow: '10.1.2.3/8' has bits beyond "
                                    "its prefix"));
    EXPECT_THAT(problems_of(file_with_key("allow: [everybody]")),
                testing::StartsWith("proxy.yaml:9: port 'p': allow: 'everybody' "));
}

TEST(ConfigLimitsTest, ListensOnOneAddressOrSeveral) {
    const auto listen = [](const std::string& text) {
        return first_port_of(parse_config(file_with_port("p: {roles: [any], listen: " + text + "}"),
                                          "proxy.yaml"))
            .listen;
    };
    using Addresses = std::vector<net::ListenAddress>;
    EXPECT_EQ(listen("'127.0.0.1:1'"), Addresses{address("127.0.0.1:1")});
    EXPECT_EQ(
        listen("['127.0.0.1:1', '[::1]:1', 'unix:/run/p/.s.PGSQL.1']"),
        (Addresses{address("127.0.0.1:1"), address("[::1]:1"), address("unix:/run/p/.s.PGSQL.1")}));
    EXPECT_EQ(listen("/run/p/.s.PGSQL.1"), Addresses{address("unix:/run/p/.s.PGSQL.1")});
    EXPECT_EQ(config_with("listen_address: unix:/run/p/http").listen_address,
              address("unix:/run/p/http"));
    const auto with = [](const std::string& text) {
        return file_with_port("p:\n        roles: [any]\n        listen: " + text);
    };
    expect_problems({
        {with("[]"), "8: port 'p': listen must be a list with at least one element"},
        {with("{a: 127.0.0.1:1}"), "8: port 'p': listen must be a list with at least one element"},
        {with("\n          - 127.0.0.1:1\n          - pg1:1"),
         "10: port 'p': listen 'pg1:1' is not allowed; " + kListenHint},
        {with("unix:run/p"), "8: port 'p': listen 'unix:run/p' is not allowed; " + kListenHint},
        {with("[127.0.0.1:1, 127.0.0.1:1]"), "8: port 'p': 127.0.0.1:1 is taken by line 8 already"},
    });
}

TEST(ConfigLimitsTest, TheModeOfAUnixSocketIsOctal) {
    EXPECT_EQ(port_with("listen_mode: 0770").listen_mode, 0770U);
    EXPECT_EQ(port_with("listen_mode: 600").listen_mode, 0600U);
    EXPECT_EQ(port_with("listen_mode: \"0777\"").listen_mode, 0777U);
    for (const std::string bad : {"rwx", "0o770", "77", "00770", "0888", "1777", "-077"})
        expect_problems({{file_with_key("listen_mode: " + bad),
                          "9: port 'p': listen_mode must be an octal file mode such as 0770"}});
}

TEST(ConfigLimitsTest, ReadsHowItLogs) {
    const auto config =
        config_with("log: {level: debug, format: json, file: /var/log/p.log, sessions: failed}");
    EXPECT_EQ(config.log.level, Level::debug);
    EXPECT_EQ(config.log.settings,
              (daemons::log::Settings{Level::debug, Format::json, "/var/log/p.log"}));
    EXPECT_FALSE(first_port_of(config).settings.log_sessions);
    const auto remote = config_with("log: {syslog: '10.0.0.5:514', syslog_facility: local3}");
    EXPECT_EQ(remote.log.settings.syslog, "10.0.0.5:514");
    EXPECT_EQ(remote.log.settings.syslog_facility, 19);
    const auto local = config_with("log: {syslog: 'unix:/run/rsyslog/socket'}");
    EXPECT_EQ(local.log.settings.syslog, "unix:/run/rsyslog/socket");
    EXPECT_EQ(local.log.settings.syslog_facility, 3);
    const std::vector<std::pair<std::string, Level>> levels{{"error", Level::error},
                                                            {"warning", Level::warning},
                                                            {"info", Level::info},
                                                            {"debug", Level::debug}};
    for (const auto& [word, level] : levels) {
        EXPECT_EQ(config_with("log: {level: " + word + "}").log.level, level);
        EXPECT_EQ(config_with("log: {level: " + word + "}").log.settings.level, level);
    }
    EXPECT_EQ(config_with("log: {format: text}").log.level, std::nullopt)
        << "what the command line falls back on may say it";
    EXPECT_TRUE(first_port_of(config_with("log: {sessions: all}")).settings.log_sessions);
    EXPECT_EQ(config_with("log: ~").log.settings, daemons::log::Settings{});
    const std::string either = " is not allowed; it takes one of: ";
    expect_problems({
        {file_with("log: {level: loud}"),
         "1: log: level 'loud'" + either + "error, warning, info, debug, warn"},
        {file_with("log: {format: xml}"), "1: log: format 'xml'" + either + "text, json"},
        {file_with("log: {sessions: none}"), "1: log: sessions 'none'" + either + "all, failed"},
        {file_with("log: {file: [a]}"), "1: log: file is not allowed; it takes text"},
        {file_with("log: debug"), "1: log must be a mapping of keys to values"},
        {file_with("log: {levle: info}"),
         "1: unknown key 'levle' in log; did you mean 'level'? "
         "Known: level, format, file, syslog_facility, syslog, sessions"},
        {file_with("log: {syslog: localhost}"),
         "1: log: syslog 'localhost' is not allowed; it takes 10.0.0.5:514 or [fd00::5]:514 (UDP), "
         "or unix:/run/rsyslog/socket"},
        {file_with("log: {syslog: '10.0.0.5:514', file: /var/log/p}"),
         "1: log: syslog and file are not allowed together: the log has one target"},
        {file_with("log: {syslog: '10.0.0.5:514', syslog_facility: kern}"),
         "1: log: syslog_facility 'kern'" + either +
             "daemon, user, local0, local1, local2, local3, local4, local5, local6, local7"},
    });
}

TEST(ConfigLimitsTest, NoTwoAddressesKeepEachOtherFromBeingBound) {
    const auto two = [](const std::string& first, const std::string& second) {
        return file_with_port("a: {listen: '" + first + "', roles: [any]}\n      b: {listen: '" +
                              second + "', roles: [any]}");
    };
    const std::string http = "the HTTP API (listen_address)";
    expect_problems({
        {two("0.0.0.0:7", "127.0.0.1:7"),
         "7: port 'b': 127.0.0.1:7 is taken by 0.0.0.0:7 in line 6 already"},
        {two("127.0.0.1:7", "0.0.0.0:7"),
         "7: port 'b': 0.0.0.0:7 is taken by 127.0.0.1:7 in line 6 already"},
        // "[::]" takes IPv4 as well.
        {two("10.0.0.1:7", "[::]:7"),
         "7: port 'b': [::]:7 is taken by 10.0.0.1:7 in line 6 already"},
        {two("unix:/run/p", "/run/p"), "7: port 'b': /run/p is taken by line 6 already"},
        {file_with_port("p: {listen: '127.0.0.1:8009', roles: [any]}"),
         "6: port 'p': 127.0.0.1:8009 is taken by " + http + " already"},
        {file_with_port("p: {listen: '0.0.0.0:8009', roles: [any]}"),
         "6: port 'p': 0.0.0.0:8009 is taken by 127.0.0.1:8009 in " + http + " already"},
        {file_with("listen_address: '[::]:7'", R"(hosts: ["http://10.0.0.1:8008"])",
                   "p: {listen: '0.0.0.0:7', roles: [any]}"),
         "6: port 'p': 0.0.0.0:7 is taken by [::]:7 in line 1 already"},
    });
    for (const auto& text :
         {two("0.0.0.0:7", "0.0.0.0:8"), two("0.0.0.0:7", "[::1]:7"),
          two("0.0.0.0:0", "127.0.0.1:0"), two("unix:/run/p", "unix:/run/q"),
          // The API is elsewhere, and its usual address free.
          file_with("listen_address: 127.0.0.1:8010", R"(hosts: ["http://10.0.0.1:8008"])",
                    "p: {listen: '127.0.0.1:8009', roles: [any]}")})
        EXPECT_EQ(problems_of(text), "") << text;
}

}  // namespace
}  // namespace proxy
