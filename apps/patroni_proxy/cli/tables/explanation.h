#pragma once

#include <optional>
#include <string>

#include "net/socket/socket_address.h"
#include "patroni_proxy/cli/status/names.h"
#include "patroni_proxy/cli/terminal/table.h"
#include "patroni_proxy/report/report.h"

namespace proxy::cli {

/// Where a new client of a port would go now, and for each member why, or why not: by the same
/// rules as a session, from what the status says. `client` is checked against the port's `allow`.
/// Pure. Throws std::runtime_error if there is no such port.
[[nodiscard]] Table explain(const ProxyReport& report, const Name& port,
                            const std::optional<net::SocketAddress>& client);

/// The limit that leaves no place for a new client, of the proxy, the port or each eligible member;
/// empty if there is a place, or nobody is eligible. Pure.
[[nodiscard]] std::string why_full(const ProxyReport& report, const ClusterReport& cluster,
                                   const PortReport& port);

}  // namespace proxy::cli
