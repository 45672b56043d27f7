#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "patroni_proxy/report/report.h"

namespace proxy::haproxy {

/// A row of what HAProxy calls statistics. The numbers are HAProxy's (column `type`).
enum class RowKind : std::uint8_t { frontend = 0, backend = 1, server = 2 };

/// A port as HAProxy would show it, or a member as a server of that port.
struct StatRow {
    RowKind kind = RowKind::frontend;
    std::string proxy;   ///< "CLUSTER:PORT"
    std::string server;  ///< FRONTEND, BACKEND, or the member's name
    unsigned proxy_id = 0;
    unsigned server_id = 0;  ///< 0 for frontends and backends
    /// By HAProxy's column names; a column that is absent is empty. Proxy, server and the ids are
    /// not repeated here.
    std::unordered_map<std::string_view, std::string> values;
    // What the row is about, by our names: HAProxy's names may lack some of their letters.
    std::string cluster;
    std::string port;
    std::string member;  ///< empty unless it is a server

    [[nodiscard]] const std::string& value(std::string_view column) const;
};

/// Every port as a frontend, then its members as servers, then the port again as their backend, in
/// the order of the file. Ids begin at 2 for proxies (1 is HAProxy's own) and at 1 for servers.
/// Pure.
[[nodiscard]] std::vector<StatRow> stat_rows(const ProxyReport& report);

/// The name with only what HAProxy allows in a name: letters, digits and -_.: stay, others become
/// _. Source: HAProxy's configuration manual, 2.1 and 4.
[[nodiscard]] std::string haproxy_name(std::string_view name);

}  // namespace proxy::haproxy
