#pragma once

#include <optional>

#include "net/socket/socket_address.h"
#include "patroni_proxy/cli/status/names.h"
#include "patroni_proxy/cli/terminal/table.h"
#include "patroni_proxy/report/report.h"

namespace proxy::cli {

/// Where a new client of a port would go now, and for each member why, or why not. Without `client`
/// it is not checked whether the port allows its address. By the same rules as a session, from what
/// the status tells. Pure.
[[nodiscard]] Table explain(const ProxyReport& report, const Name& port,
                            const std::optional<net::SocketAddress>& client);

}  // namespace proxy::cli
