#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "net/relay/query_state.h"
#include "net/relay/relay_end.h"

namespace net {

/// All that a relay knows between two events, without its sockets: another process that has the
/// same sockets can go on from here. A value.
struct RelayState {
    struct Side {
        std::vector<std::byte> unsent{};  ///< to this side, which has not taken it yet
        std::uint64_t received = 0;       ///< from this side
        std::chrono::milliseconds silence{};
        SideEnd ended = SideEnd::none;
        bool write_done = false;
        bool deaf = false;
        bool reset = false;
    };
    /// From the first end on.
    struct Shutdown {
        std::optional<std::chrono::milliseconds> left{};  ///< of the timer, if it runs
        int undelivered = 0;
        unsigned checks = 0;
    };

    Side client{};
    Side backend{};
    std::uint64_t heard = 0;
    std::optional<Shutdown> shutdown{};
    std::optional<RelayEnd> end{};
    bool departs = false;  ///< the backend's last bytes were a close_notify
    bool answered = false;
    bool waited = false;
    bool told = false;
    bool inspected = false;
    QueryState query{};
};

}  // namespace net
