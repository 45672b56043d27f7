#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <sys/types.h>
#include <vector>

#include "daemon/config/config_parts.h"
#include "daemon/config/inputs.h"
#include "daemon/http/http_server.h"
#include "net/socket/listen_address.h"
#include "net/socket/tcp_options.h"
#include "patroni/verdict/eligibility.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/hooks/hook_settings.h"
#include "patroni_proxy/host/port_settings.h"

namespace proxy {

/// Roles that serve while no member serves by `roles`.
struct Fallback {
    std::set<patroni::RequestedRole> roles;
    OnReturn on_return = OnReturn::keep;

    friend bool operator==(const Fallback&, const Fallback&) = default;
};

/// A port: where clients connect, and the members that serve them.
struct PortConfig {
    std::string name;
    std::vector<net::ListenAddress> listen;
    std::optional<unsigned> listen_mode;  ///< of unix sockets
    bool freebind = false;                ///< this host need not have the addresses yet
    PortSettings settings;
    patroni::Requirements wanted;
    std::optional<Fallback> fallback;
    /// The port to connect to on every member; empty: the one that Patroni reports for each.
    std::optional<std::uint16_t> host_port;

    friend bool operator==(const PortConfig&, const PortConfig&) = default;
};

struct ClusterConfig : daemons::ClusterSource {
    std::string name;
    std::vector<PortConfig> ports;

    friend bool operator==(const ClusterConfig&, const ClusterConfig&) = default;
};

/// The HTTP API, besides its address.
struct HttpApiConfig {
    std::optional<unsigned> listen_mode;  ///< of a unix socket
    daemons::HttpOptions options;
    std::string control_token;  ///< who knows it may make changes; empty: nobody

    friend bool operator==(const HttpApiConfig&, const HttpApiConfig&) = default;
};

/// A socket for operators and their tools: the control socket, or HAProxy's runtime socket.
struct OperatorSocket {
    std::optional<net::ListenAddress> socket;  ///< empty: there is none
    // Of a unix socket.
    unsigned mode = 0600;
    std::optional<gid_t> group;

    friend bool operator==(const OperatorSocket&, const OperatorSocket&) = default;
};

/// What SIGTERM does to the sessions that there are.
enum class OnStop : std::uint8_t {
    close,  ///< they end at once
    drain,  ///< each ends once it is idle, all within drain_timeout
};

/// The whole configuration, checked: values make sense, names are known, and all addresses can be
/// listened on together.
struct Config {
    std::chrono::milliseconds cluster_update_interval{3'000};
    net::ListenAddress listen_address;  ///< of the HTTP API
    HttpApiConfig http;
    bool freebind = false;                  ///< of the HTTP API; a port has its own
    std::optional<OperatorSocket> control;  ///< empty only while the file is read
    OperatorSocket haproxy;                 ///< HAProxy's runtime socket
    std::optional<HookSettings> on_change;  ///< what runs on this host at a change
    unsigned workers = 1;
    std::chrono::milliseconds drain_timeout{60'000};
    OnStop stop = OnStop::close;
    std::string state_file;  ///< where what is known outlives the process; empty: nowhere
    /// How long replicas are believed by it. A leader: see Recollection.
    std::chrono::milliseconds state_max_age{300'000};
    net::TcpOptions tcp;
    std::uint64_t max_connections = 0;  ///< 0: as many as the descriptors allow
    daemons::LogConfig log;
    std::vector<ClusterConfig> clusters;
    /// "file:line" of each address, for messages, by address.
    std::map<std::string, std::string> listen_places;
    /// "file:line: warning: what is probably not meant"
    std::vector<std::string> warnings;
};

using daemons::ConfigError;

/// The configuration at `path`, a file or a directory of files. Throws ConfigError. Reads with
/// `inputs` alone, also the files that it names.
[[nodiscard]] Config load_config(const std::string& path, const daemons::Inputs& inputs = {});
/// The same for a text; `path` is for messages, and what the text includes is relative to it.
[[nodiscard]] Config parse_config(const std::string& text, const std::string& path,
                                  const daemons::Inputs& inputs = {});

}  // namespace proxy
