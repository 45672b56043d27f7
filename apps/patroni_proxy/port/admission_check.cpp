#include "patroni_proxy/port/admission_check.h"

namespace proxy {

std::optional<SessionEnd> refusal_of(const NewClient& client, const PortSettings& settings) {
    if (!is_allowed(settings, client.address))
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
