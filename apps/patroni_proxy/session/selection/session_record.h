#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

#include "net/socket/socket_address.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/host/session_id.h"

namespace proxy {

/// What is known of one session at one moment, for operators. A value: it may outlive the session.
/// Times are in seconds.
struct SessionRecord {
    SessionId id;
    std::string cluster{};
    std::string port{};
    net::SocketAddress client{};  ///< unset: it came in by a unix socket
    BackendPtr backend{};         ///< null: none yet
    net::SocketAddress own{};     ///< the proxy's towards the backend; unset: not connected yet
    // As the startup packet says; empty: it has not come, was encrypted, or lacks it.
    std::string user{};
    std::string database{};
    std::string application{};
    std::string_view state{};  ///< holding, connecting, relaying, ...; see Session::State
    /// Whether PostgreSQL is working for it or holds a transaction of it open; empty if that cannot
    /// be seen because it is encrypted.
    std::optional<bool> busy{};
    double age = 0;   ///< since its accept
    double idle = 0;  ///< since a byte came from either side; while it has no backend, its age
    double held = 0;  ///< in the port's queue, so far
    double connecting = 0;
    std::uint64_t bytes_from_client = 0;
    std::uint64_t bytes_from_backend = 0;
    bool by_fallback = false;  ///< by the port's fallback_roles
};

/// What a client is called in logs and lists: its address, or "unix".
[[nodiscard]] inline std::string client_name(const net::SocketAddress& client) {
    return client.family() == AF_UNSPEC ? "unix" : client.to_string();
}

/// The sessions that a filter has selected, ordered by their ids.
struct SessionList {
    std::vector<SessionRecord> sessions{};  ///< at most the filter's limit
    std::size_t total = 0;
};
/// Makes a text of them. Runs on a thread of its own.
struct SessionWriter {
    std::string form;  ///< "json", ...: who asks for the same form may get the same text
    std::function<std::string(const SessionList&)> write;

    [[nodiscard]] std::string operator()(const SessionList& list) const { return write(list); }
};

}  // namespace proxy
