#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "net/relay/relay_state.h"
#include "net/socket/socket_address.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/host/session_id.h"
#include "patroni_proxy/postgres/startup_state.h"

namespace proxy {

/// All that is known of a session, without its sockets: another process that has the same sockets
/// can go on from here. A value.
struct SessionState {
    enum class Stage : std::uint8_t {
        reading_header,  ///< of the PROXY protocol
        waiting,         ///< for a backend: held, or connecting, which begins anew
        relaying,        ///< it has, or had, a backend
    };

    SessionId id{};
    Stage stage = Stage::waiting;
    net::SocketAddress client{};
    net::SocketAddress destination{};                     ///< that the client had connected to
    std::chrono::steady_clock::time_point accepted_at{};  ///< the clock is the host's
    double held = 0;                                      ///< seconds, so far
    double connecting = 0;
    std::string header_begun{};             ///< what was taken out of the kernel
    std::optional<StartupState> startup{};  ///< while there is something to learn from it
    bool queued = false;                    ///< it has a place in the queue
    std::string closed_by{};                ///< an operator; empty: nobody
    // From its startup packet.
    bool has_names = false;
    std::string user{};
    std::string database{};
    std::string application{};
    // While relaying.
    std::string member{};
    net::SocketAddress backend{};
    ServedBy served_by = ServedBy::roles;
    bool has_seat = false;
    bool has_place = false;
    net::RelayState relay{};
};

}  // namespace proxy
