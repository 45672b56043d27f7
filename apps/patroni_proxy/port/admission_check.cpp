#include "patroni_proxy/port/admission_check.h"

#include <algorithm>

namespace proxy {

std::optional<SessionEnd> refusal_of(const NewClient& client, const PortSettings& settings) {
    // A unix socket's mode says who may open it.
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
    if (settings.disabled)
        return SessionEnd::port_disabled;
    return std::nullopt;
}

}  // namespace proxy
