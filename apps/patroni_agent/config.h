#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "daemon/config/config_parts.h"
#include "daemon/system/file.h"
#include "net/socket/listen_address.h"
#include "patroni_agent/reply/agent_policy.h"

namespace agent {

/// Where HAProxy connects, and what it is told about.
struct ListenerConfig {
    std::string name;
    std::vector<net::ListenAddress> listen;
    /// HAProxy names cluster, member and role (agent-send); else the ones below apply.
    bool by_request = false;
    std::string cluster;
    std::string member;  ///< empty: the local member
    patroni::Requirements wanted;
    Profile profile;
};

struct ClusterConfig : daemons::ClusterSource {
    std::string name;
};

struct Config {
    std::chrono::milliseconds interval{1'000};
    std::optional<net::ListenAddress> listen_address;  ///< of the HTTP API; none: off
    bool maintenance = false;
    std::string maintenance_file = "/var/lib/patroni_agent/maintenance";
    daemons::LogConfig log;
    std::vector<ClusterConfig> clusters;
    std::vector<ListenerConfig> listeners;
};

using daemons::ConfigError;

/// Throws ConfigError. Reads all files with `read`, including those that the file names.
[[nodiscard]] Config load_config(const std::string& path,
                                 const daemons::ReadFile& read = daemons::read_file);
/// The same for a text; `path` is for messages.
[[nodiscard]] Config parse_config(const std::string& text, const std::string& path,
                                  const daemons::ReadFile& read = daemons::read_file);
/// The same for a text that is not a file.
[[nodiscard]] Config parse_config(const std::string& text, daemons::Problems problems,
                                  const daemons::ReadFile& read = daemons::read_file);

}  // namespace agent
