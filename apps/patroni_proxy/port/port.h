#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "patroni_proxy/backend/backend_table.h"

namespace proxy {

/// Never reused in a process: a port that is removed and added again gets another one.
using PortId = std::uint32_t;

/// What all workers share of one port, for as long as any of its sessions lasts.
struct Port {
    const PortId id;
    const std::string label;  ///< "cluster/port"
    /// Reports that sessions have trouble with a member, or that there is no backend for a client:
    /// then the name is empty. Any thread. Not called any more once the port has been removed from
    /// every worker and from the readiness check.
    const std::function<void(const std::string& member, Trouble)> on_trouble;
    std::atomic<std::uint64_t> sessions{0};
    std::atomic<std::uint64_t> queued{0};  ///< of those, the held ones
};
using PortPtr = std::shared_ptr<Port>;

class ReadinessCheck;

/// What all workers share of all ports.
struct ProcessSessions {
    std::atomic<std::uint64_t> open{0};
    std::atomic<std::uint64_t> max{0};    ///< 0: no limit
    ReadinessCheck* readiness = nullptr;  ///< outlives all sessions; set before the first one
};

}  // namespace proxy
