#pragma once

#include <cstdint>
#include <string_view>

#include "patroni_proxy/backend/backend_picker.h"

namespace proxy {

/// Which limit leaves no place for a client, although there are eligible backends.
enum class Shortage : std::uint8_t {
    none,
    port,      ///< the port's max_connections
    proxy,     ///< the proxy's max_connections
    backends,  ///< max_connections_per_backend, on every backend that could be had
    caps,      ///< what an operator allows, on every such backend
};

/// The key of the file; "cap" is the operator's verb. Empty for none.
[[nodiscard]] constexpr std::string_view name_of(Shortage shortage) {
    switch (shortage) {
        case Shortage::none:
            break;
        case Shortage::port:
            return "max_connections";
        case Shortage::proxy:
            return "max_connections of the proxy";
        case Shortage::backends:
            return "max_connections_per_backend";
        case Shortage::caps:
            return "cap";
    }
    return {};
}

/// The limit because of which the claim found no backend.
[[nodiscard]] inline Shortage shortage_of(const Claim& claim) {
    if (claim.backend)
        return Shortage::none;
    return claim.any_full ? Shortage::backends : claim.any_capped ? Shortage::caps : Shortage::none;
}

}  // namespace proxy
