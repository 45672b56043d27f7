#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "net/socket_address.h"
#include "patroni/eligibility.h"
#include "patroni/endpoint.h"
#include "patroni/resolver.h"
#include "patroni/tls_settings.h"

namespace proxy {

/// One listening address and the members it leads to.
struct PortConfig {
    std::string name;
    net::SocketAddress listen;
    patroni::Requirements wanted;
    /// The port to connect to on every member; empty: the one that Patroni says of each.
    std::optional<std::uint16_t> host_port;
};

struct ClusterConfig {
    std::string name;
    std::vector<patroni::Endpoint> hosts;
    patroni::TlsCredentialsPtr tls;  ///< read already; null: as it comes
    patroni::ResolvePrefer resolve_prefer = patroni::ResolvePrefer::any;
    std::vector<PortConfig> ports;
};

/// The whole file, checked: values that make sense, names that are known, no two equal listens.
struct Config {
    std::chrono::milliseconds cluster_update_interval{3'000};
    net::SocketAddress listen_address;  ///< of the HTTP API
    unsigned workers = 1;
    std::vector<ClusterConfig> clusters;
};

/// A file that cannot be used. what() holds every problem, a line each: "file:line: what".
class ConfigError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Throws ConfigError.
[[nodiscard]] Config load_config(const std::string& path);
/// The same of a text; `path` is for messages.
[[nodiscard]] Config parse_config(const std::string& text, const std::string& path);

}  // namespace proxy
