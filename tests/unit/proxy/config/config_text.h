#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "net/socket/listen_address.h"
#include "patroni_proxy/config/config.h"

namespace proxy {

inline net::ListenAddress address(const std::string& text) {
    return net::ListenAddress::parse(text).value();
}

/// What is wrong with a text, a line each; empty if it is good.
inline std::string problems_of(const std::string& text) {
    try {
        (void)parse_config(text, "proxy.yaml");
        return {};
    } catch (const ConfigError& error) {
        return error.what();
    }
}

/// Line 1: settings of the top level. Cluster "c" begins on line 3, its port "p" on line 6.
inline std::string file_with(
    const std::string& top = "workers: 1",
    const std::string& hosts = R"(hosts: ["http://10.0.0.1:8008"])",
    const std::string& port = R"(p: {listen: "127.0.0.1:6432", roles: [any], host_port: 5432})") {
    return top + "\nclusters:\n  c:\n    " + hosts + "\n    ports:\n      " + port + "\n";
}

inline std::string file_with_hosts(const std::string& hosts) {
    return file_with("workers: 1", hosts);
}

inline std::string file_with_port(const std::string& port) {
    return file_with("workers: 1", R"(hosts: ["http://10.0.0.1:8008"])", port);
}

inline const PortConfig& first_port_of(const Config& config) {
    return config.clusters.at(0).ports.at(0);
}

struct BadCase {
    std::string text;
    std::string problem;
};

inline const std::string kDurationHint = "it takes seconds (3, 0.5) or a unit (200ms, 3s, 1m, 2h)";
inline const std::string kSizeHint = "it takes bytes (16777216) or a unit (512kB, 16MB, 1GB)";
inline const std::string kListenHint =
    "it takes an address with a port (127.0.0.1:6432, [::]:6432) or a unix socket "
    "(unix:/run/patroni_proxy/.s.PGSQL.6432)";

/// Each text has this one problem and no other.
inline void expect_problems(const std::vector<BadCase>& cases) {
    for (const auto& [text, problem] : cases)
        EXPECT_EQ(problems_of(text), "proxy.yaml:" + problem) << text;
}

/// One port with these further keys.
inline PortConfig port_with(const std::string& keys) {
    return first_port_of(parse_config(
        file_with_port(R"(p: {listen: "127.0.0.1:1", roles: [any], )" + keys + "}"), "proxy.yaml"));
}

}  // namespace proxy
