#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "daemon/config/config_parts.h"
#include "daemon/config/inputs.h"
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
    /// "file:line: warning: what is probably not meant"
    std::vector<std::string> warnings;
};

using daemons::ConfigError;

/// The configuration at `path`, a file or a directory of files. Throws ConfigError. Reads with
/// `inputs` alone, also the files that it names.
[[nodiscard]] Config load_config(const std::string& path, const daemons::Inputs& inputs = {});
/// The same for a text; `path` is for messages.
[[nodiscard]] Config parse_config(const std::string& text, const std::string& path,
                                  const daemons::Inputs& inputs = {});
/// The same for options of the command line, written as a file. They have no variables: the shell
/// has put them in.
[[nodiscard]] Config parse_options(const std::string& text, const daemons::SourcePtr& source,
                                   const daemons::ReadFile& read = daemons::read_file);

}  // namespace agent
