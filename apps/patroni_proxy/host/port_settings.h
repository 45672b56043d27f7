#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/socket/network.h"
#include "net/socket/tcp_options.h"
#include "patroni_proxy/proxy_protocol/proxy_header.h"

namespace proxy {

/// What a client sees when there is no backend for it.
enum class NoBackend : std::uint8_t {
    close,           ///< its connection is closed
    postgres_error,  ///< an error that says why, as from a server that is starting up
    /// Its connection is refused while no member is eligible, and closed if none can be reached.
    refuse,
};

/// Whether a port's clients say by a header of the PROXY protocol on whose behalf they come.
enum class AcceptProxy : std::uint8_t {
    off,       ///< a header is no startup packet
    optional,  ///< clients without one speak for themselves
    required,
};

/// How a port treats its clients. Immutable; a reload replaces it whole. 0 stands for no limit.
struct PortSettings {
    std::chrono::milliseconds connect_timeout{4'000};
    std::chrono::milliseconds idle_timeout{0};
    std::chrono::milliseconds queue_timeout{0};  ///< 0: a client without a backend is refused
    net::TcpOptions tcp{};  ///< towards backends; clients have those of the listening socket
    std::vector<net::Network> allow{};  ///< where clients may come from; empty: anywhere
    AcceptProxy proxy_protocol = AcceptProxy::off;
    /// Who may send a header: balancers. Unix sockets always may, by their mode.
    std::vector<net::Network> proxy_protocol_from{};
    SendProxy send_proxy = SendProxy::off;  ///< towards backends
    /// The client's address is added to application_name, for PostgreSQL itself.
    bool client_in_application_name = false;
    std::uint64_t max_connections = 0;
    std::uint32_t max_connections_per_backend = 0;
    std::uint32_t max_connect_rate = 0;  ///< per second, to each backend
    std::uint64_t max_queued = 10'000;
    NoBackend no_backend = NoBackend::close;
    std::string roles{};       ///< as written in the file, for messages to clients
    bool log_sessions = true;  ///< log orderly ends too
    // What an operator has set. The texts say who, why and since when.
    std::optional<std::string> held{};      ///< clients wait, whatever queue_timeout says
    std::optional<std::string> disabled{};  ///< new clients are refused
    /// When the latest hold ended. Clients may wait for kAfterHold from then on, whatever
    /// queue_timeout says, so that those who were held get their turn.
    std::optional<std::chrono::steady_clock::time_point> hold_ended{};

    friend bool operator==(const PortSettings&, const PortSettings&) = default;
};
using PortSettingsPtr = std::shared_ptr<const PortSettings>;

/// Long enough for thousands of held clients to connect, and for a server that was restarted to
/// accept sessions.
inline constexpr std::chrono::seconds kAfterHold{5};

/// Whether a client of that address must or may begin with a header; `off` if its bytes are its
/// own. Nothing if the port takes no client without a header, and none from this address.
[[nodiscard]] std::optional<AcceptProxy> header_of(const PortSettings& settings,
                                                   const net::SocketAddress& client);
/// Whether `allow` lets it in. A unix socket's mode says who may open it.
[[nodiscard]] bool is_allowed(const PortSettings& settings, const net::SocketAddress& client);

/// Whether a client that has no backend at `now` may wait for one.
[[nodiscard]] bool lets_wait(const PortSettings& settings,
                             std::chrono::steady_clock::time_point now);
/// Until when a client accepted at that time may wait: later for a later client. time_point::max()
/// while the port is held.
[[nodiscard]] std::chrono::steady_clock::time_point waits_until(
    const PortSettings& settings, std::chrono::steady_clock::time_point accepted_at);

}  // namespace proxy
