#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/report/tallies.h"

/// What the proxy says of itself, at one moment: GET /status and GET /metrics are made of it.
/// Values only. Times are seconds; an age is how long ago something was, at that moment; what
/// ends in _total and a count by reason counts from the start of the process on. Whoever fills it
/// puts every reason in from the start, at 0: a rate needs the value before the first event.
namespace proxy {

/// The sessions of one port on one member, whatever addresses it had. One for each member that the
/// port has had sessions on, those that are gone included: a counter does not go backwards.
struct MemberTraffic {
    std::string member;
    std::uint64_t sessions = 0;  ///< now
    std::uint64_t sessions_total = 0;
    std::uint64_t bytes_from_client = 0;
    std::uint64_t bytes_from_backend = 0;
    std::uint64_t connect_failures = 0;
    std::map<std::string, std::uint64_t> ended;  ///< by reason: client_closed, cut, ...
};

/// Whether a port may use a member, and why not.
struct MemberStanding {
    std::string member;
    std::string standing;  ///< eligible, tolerated, out
    std::string reason;
    /// Of an eligible one, why no session can be begun on it; empty if nothing is known against it.
    std::string unreachable{};
};

/// The same for all members.
struct PortStanding {
    std::vector<MemberStanding> members;
    bool falls_back = false;  ///< the eligible are so by fallback_roles
};

struct PortReport {
    std::string name;
    std::vector<std::string> listen;
    std::vector<std::string> roles;
    std::vector<std::string> fallback_roles;
    bool falls_back = false;
    std::vector<MemberStanding> members;
    std::vector<MemberTraffic> traffic;
    std::uint64_t sessions = 0;         ///< now, those without a backend included
    std::uint64_t max_connections = 0;  ///< 0: no limit
    std::uint64_t queued = 0;           ///< those that are held until there is a backend
    std::uint64_t queued_total = 0;
    std::map<std::string, std::uint64_t> refused;  ///< by reason: no_backend, port_full, ...
};

/// A member as Patroni tells it; empty is what it does not tell.
struct MemberReport {
    std::string name;
    std::string role;
    std::string state;
    std::string host;
    std::optional<std::uint16_t> port;
    std::optional<std::uint64_t> timeline;
    std::optional<std::uint64_t> lag;  ///< bytes
    std::map<std::string, std::string> tags;
    bool up = false;                          ///< its state is one that serves
    bool leads = false;                       ///< proved, not only told
    std::optional<double> dcs_last_seen_age;  ///< by the member's clock and ours
};

struct ClusterReport {
    std::string name;
    std::string leader;         ///< empty if nobody is known to lead
    std::string leader_reason;  ///< why it leads, or why nobody does
    bool paused = false;
    std::optional<double> table_age;  ///< of the answer that the tables are made of
    std::vector<std::string> warnings;
    daemons::PollReport polls;
    std::vector<MemberReport> members;
    std::vector<PortReport> ports;
};

struct ProxyReport {
    std::string version;
    double started_at = 0;  ///< Unix time
    double uptime = 0;
    unsigned workers = 0;
    std::uint64_t sessions = 0;
    std::uint64_t max_connections = 0;  ///< 0: no limit
    std::uint64_t descriptors = 0;
    std::uint64_t max_descriptors = 0;
    std::uint64_t log_lines_dropped = 0;
    bool ready = false;
    bool draining = false;
    std::string why_not_ready;
    daemons::ReloadReport reload;
    std::vector<ClusterReport> clusters;
};

}  // namespace proxy
