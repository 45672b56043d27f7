#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "haproxy/model/health_check.h"
#include "haproxy/model/proxy.h"
#include "patroni_proxy/migrate/draft/draft.h"
#include "patroni_proxy/migrate/report/ledger.h"

namespace proxy::migrate {

/// What the servers of a backend have in common, in our terms.
struct ServerLines {
    std::vector<Entry> hosts;  ///< REST APIs: "http://10.0.0.11:8008", each once
    /// Some host is not known here: a template's, a variable.
    bool unknown_hosts = false;
    std::string unknown_url = {};  ///< what such a host would be, with a name to be replaced
    std::map<std::string, std::string> tls;  ///< keys of our `tls`, values as YAML
    std::string tls_comment;
    std::optional<std::uint16_t> host_port;
    std::string host_port_comment;
    std::optional<std::uint64_t> max_connections;  ///< the smallest `maxconn`
    std::string max_connections_comment;
    std::optional<std::string> interval;  ///< the smallest `inter`, as our duration
    std::string interval_comment;
    std::optional<std::string> user_timeout;  ///< `tcp-ut`
    std::string resolve_prefer;
    std::string send_proxy;  ///< "v1" or "v2"; empty: not every server has it
    std::string send_proxy_comment;
    bool checked = false;       ///< at least one server has a check
    bool cuts_sessions = true;  ///< every server has `on-marked-down shutdown-sessions`
    /// The same members, whatever the backend: what a cluster is told apart by.
    std::string key;
};

/// Pure; says nothing in a ledger.
[[nodiscard]] ServerLines read_servers(const haproxy::Proxy& proxy,
                                       const haproxy::HealthCheck& check,
                                       const haproxy::Configuration& configuration);
/// Says what became of each server and each of its settings.
void report_servers(const haproxy::Proxy& proxy, const haproxy::HealthCheck& check,
                    bool leader_only, Ledger& ledger);

/// "3s", "500ms", "30m"
[[nodiscard]] std::string duration_text(std::int64_t milliseconds);

}  // namespace proxy::migrate
