#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "patroni/verdict/cluster_view.h"
#include "patroni_proxy/history/story/record.h"

// What the history is made from. Values, each with the time it was observed.
namespace proxy::history {

/// The members that serve a port.
struct PortView {
    std::string port;
    std::set<std::string> serving{};               ///< eligible members
    std::map<std::string, std::string> reasons{};  ///< why the others are not

    friend bool operator==(const PortView&, const PortView&) = default;
};

/// What the proxy concluded from an answer of Patroni.
struct ClusterSeen {
    Clock::time_point at{};
    patroni::ClusterView view{};
    /// Why sessions on the leader fail to start; empty: they do not, as far as is known.
    std::string unreachable{};
    /// Since when; empty: not known.
    std::optional<Clock::time_point> unreachable_since{};
    std::vector<PortView> ports{};
};

/// How a poll ended.
struct PollSeen {
    Clock::time_point at{};
    bool answered = false;       ///< a host answered GET /cluster
    bool all_connected = false;  ///< none did, but all of them accepted the connection
    bool reinitialized = false;  ///< the cluster was initialized anew; the new one is followed now
    std::string errors{};
    Clock::duration took{0};
};

/// What one port has counted since it exists, over all workers.
struct PortCounts {
    std::uint64_t ended = 0;  ///< as in PortShare
    std::uint64_t held = 0;
    std::uint64_t gave_up = 0;
    std::map<std::string, std::uint64_t> refused{};  ///< by reason
    double longest_held = 0;    ///< seconds; of holds that ended since the previous counts
    std::uint64_t waiting = 0;  ///< clients held now
    /// By member: its first session since it last became eligible.
    std::map<std::string, Clock::time_point> first_sessions{};
};
struct CountsSeen {
    Clock::time_point at{};
    std::map<std::string, PortCounts> ports{};  ///< by name
};

/// Something that an operator did.
struct OperatorAction {
    std::string cluster{};  ///< empty: it concerns the whole process
    std::string subject{};  ///< "main/p1", "main/rw"
    std::string what{};     ///< "drained by uid 1000, pid 42: new disks"
    std::string by{};
};

}  // namespace proxy::history
