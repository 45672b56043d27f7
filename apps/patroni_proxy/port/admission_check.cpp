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
    const std::uint64_t heard = kMaxTold + (client.may_wait ? settings.max_queued : 0);
    if (settings.max_connections != 0 && client.without_place >= heard)
        return SessionEnd::port_full;
    if (client.max_open != 0 && client.open >= client.max_open)
        return SessionEnd::proxy_full;
    if (settings.disabled)
        return SessionEnd::port_disabled;
    return std::nullopt;
}

}  // namespace proxy
