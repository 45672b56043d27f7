#include "net/relay/relay_end.h"

namespace net {

std::optional<RelayEnd> who_ended(const Ends& ends) {
    if (ends.backend != SideEnd::none) {
        if (!ends.answered && ends.client != SideEnd::none)
            return RelayEnd::client_closed;
        if (!ends.answered && !ends.waited)
            return std::nullopt;
        // A server that has closed answers the goodbye of its client with a reset.
        const bool closed = ends.backend == SideEnd::closed || ends.client != SideEnd::none;
        return closed ? RelayEnd::backend_closed : RelayEnd::backend_failed;
    }
    if (ends.client == SideEnd::none || !ends.waited)
        return std::nullopt;
    return ends.client == SideEnd::closed ? RelayEnd::client_closed : RelayEnd::client_failed;
}

}  // namespace net
