#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/socket/network.h"
#include "net/socket/tcp_options.h"
#include "patroni_proxy/backend/backend_table.h"

namespace proxy {

/// What a client sees for which there is no backend.
enum class NoBackend : std::uint8_t {
    close,           ///< the end of its connection
    postgres_error,  ///< an error that says why, as from a server that starts
};

/// How a port treats its clients. Immutable; a reload replaces it whole. 0 stands for no limit.
struct PortSettings {
    std::chrono::milliseconds connect_timeout{4'000};
    std::chrono::milliseconds idle_timeout{0};
    std::chrono::milliseconds queue_timeout{0};  ///< 0: who finds no backend is refused at once
    net::TcpOptions tcp{};  ///< towards backends; clients have those of the listening socket
    std::vector<net::Network> allow{};  ///< where clients may come from; empty: anywhere
    std::uint64_t max_connections = 0;
    std::uint32_t max_connections_per_backend = 0;
    std::uint32_t max_connect_rate = 0;  ///< a second, to each backend
    std::uint64_t max_queued = 10'000;
    NoBackend no_backend = NoBackend::close;
    std::string roles{};       ///< as the file has them, for messages to clients
    bool log_sessions = true;  ///< a line for each that ended in an orderly way

    friend bool operator==(const PortSettings&, const PortSettings&) = default;
};
using PortSettingsPtr = std::shared_ptr<const PortSettings>;

/// Never used twice in a process: a port that is removed and added again is another one.
using PortId = std::uint32_t;

/// What all workers share of one port, for as long as any of its sessions lasts.
struct Port {
    const PortId id;
    const std::string label;  ///< "cluster/port"
    /// Any thread; null: there is no backend for a client.
    const std::function<void(const BackendPtr&, Trouble)> on_trouble;
    std::atomic<std::uint64_t> sessions{0};
    std::atomic<std::uint64_t> queued{0};  ///< those of them that are held
};
using PortPtr = std::shared_ptr<Port>;

class ReadinessCheck;

/// What all workers share of all ports.
struct ProcessSessions {
    std::atomic<std::uint64_t> open{0};
    std::atomic<std::uint64_t> max{0};    ///< 0: no limit
    ReadinessCheck* readiness = nullptr;  ///< outlives all sessions; set before the first
};

}  // namespace proxy
