#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "patroni_proxy/backend/backend_table.h"

namespace proxy {

/// Never used twice in a process: a port that is removed and added again is another one.
using PortId = std::uint32_t;

/// What all workers share of one port, for as long as any of its sessions lasts.
struct Port {
    const PortId id;
    const std::string label;  ///< "cluster/port"
    /// Any thread: sessions have trouble with this member; an empty name: with no member, for there
    /// is no backend for a client. Not called once the port has been removed from every worker and
    /// from the readiness check.
    const std::function<void(const std::string& member, Trouble)> on_trouble;
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
