#pragma once

#include <map>
#include <string>
#include <vector>

#include "patroni_proxy/migrate/compare/haproxy_stat.h"
#include "patroni_proxy/report/report.h"

namespace proxy::migrate {

/// What our GET /status says, and where the members are.
struct ProxyView {
    ProxyReport report;
    /// Numeric addresses of each host that is a name.
    std::map<std::string, std::vector<std::string>> addresses = {};
};

/// Which backend of HAProxy does the work of which port of ours.
struct Pairing {
    std::map<std::string, std::string> port_of_backend;  ///< "primary" to "main/read_write"
    /// By backend that leads to members of ours, but to no port in particular.
    std::map<std::string, std::string> not_compared;
};

/// A port with the backend's name, else the only one of the cluster, else the only one for the
/// roles that the backend's name tells ("primary", "replicas"). `chosen` comes first: backend to
/// "CLUSTER/PORT". Backends without a member of ours are left out. Pure.
[[nodiscard]] Pairing pair_up(const std::vector<HaproxyServer>& servers, const ProxyView& view,
                              const std::map<std::string, std::string>& chosen);

/// The member behind an address as HAProxy shows it ("10.0.0.11:5432"), in this cluster; null if
/// there is none. If another port is connected to (host_port), the host alone decides.
[[nodiscard]] const MemberReport* member_at(const ProxyView& view, const std::string& cluster,
                                            const std::string& address);

/// Servers and members at one moment, joined.
struct JoinedServer {
    std::string server;   ///< "primary/pg-node-1"
    std::string address;  ///< "10.0.0.11:5432"
    std::string port;     ///< "main/read_write"
    std::string member;   ///< Patroni's name; empty if no member has this address
    bool haproxy_uses = false;
    bool proxy_uses = false;
    bool changing = false;     ///< HAProxy's check is about to change it
    std::string haproxy_says;  ///< "UP 1/3 (L7STS)"
    std::string proxy_reason;  ///< "role is replica"
};
[[nodiscard]] std::vector<JoinedServer> join(const std::vector<HaproxyServer>& servers,
                                             const ProxyView& view, const Pairing& pairing);

}  // namespace proxy::migrate
