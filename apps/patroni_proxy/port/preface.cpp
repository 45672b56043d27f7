#include "patroni_proxy/port/preface.h"

#include <algorithm>

namespace proxy {

std::optional<SessionEnd> refusal_of(const Newcomer& client, const PortSettings& settings) {
    // Who may open a unix socket is what its mode says.
    const bool allowed =
        settings.allow.empty() || client.address.family() == AF_UNSPEC ||
        std::any_of(settings.allow.begin(), settings.allow.end(),
                    [&](const net::Network& network) { return network.contains(client.address); });
    if (!allowed)
        return SessionEnd::not_allowed;
    if (settings.max_connections != 0 && client.sessions_of_port >= settings.max_connections)
        return SessionEnd::port_full;
    if (client.max_sessions_of_proxy != 0 &&
        client.sessions_of_proxy >= client.max_sessions_of_proxy)
        return SessionEnd::proxy_full;
    return std::nullopt;
}

}  // namespace proxy
