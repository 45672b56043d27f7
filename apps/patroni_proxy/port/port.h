#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/host/shortage.h"
#include "patroni_proxy/port/places.h"
#include "patroni_proxy/port/queue_order.h"
#include "patroni_proxy/proxy_protocol/proxy_header.h"

namespace proxy {

/// Never reused in a process: a port that is removed and added again gets a new one.
using PortId = std::uint32_t;

/// What all workers share of one port, for as long as any of its sessions lasts.
struct Port {
    const PortId id;
    const std::string label;  ///< "cluster/port"
    /// Reports that sessions have trouble with a member or, with an empty name, that a client found
    /// no backend. Any thread. Not called after the port has been removed from every worker and
    /// from the readiness check.
    const std::function<void(const std::string& member, Trouble)> on_trouble;
    /// Lets the held clients of this port on that worker try soon. Any thread.
    const std::function<void(std::size_t worker)> wake = {};
    /// What its backends are sent first, also by the readiness check.
    std::atomic<SendProxy> send_proxy{SendProxy::off};
    std::atomic<std::uint64_t> sessions{0};
    std::atomic<std::uint64_t> queued{0};  ///< of those, the held ones
    Places places{};                       ///< of max_connections
    /// Why the latest client that found no place found none. As long as anyone is queued.
    std::atomic<Shortage> shortage{Shortage::none};
    QueueOrder order{};
};
using PortPtr = std::shared_ptr<Port>;

class ReadinessCheck;

/// What all workers share of all ports.
struct ProcessSessions {
    std::atomic<std::uint64_t> open{0};      ///< clients, and connections for cancel requests
    std::atomic<std::uint64_t> max_open{0};  ///< as descriptors allow; 0: no limit
    Places places{};
    std::atomic<std::uint64_t> max_places{0};  ///< max_connections; 0: no limit
    ReadinessCheck* readiness = nullptr;       ///< outlives all sessions; set before the first one
};

}  // namespace proxy
