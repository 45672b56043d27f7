#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/report/cluster_report.h"
#include "daemon/report/process_report.h"
#include "patroni/verdict/cluster_view.h"
#include "patroni_proxy/history/story/record.h"
#include "patroni_proxy/host/tally.h"

/// A snapshot of the proxy's state, from which GET /status and GET /metrics are made. Values only.
/// Times and ages are in seconds. What ends in _total, and counts by reason, start with the
/// process; every reason is present from the start, at 0, since a rate needs a value before the
/// first event.
namespace proxy {

/// The sessions of one port on one member, whatever its addresses. Every member that Patroni names
/// is listed from the start, and one that is gone stays listed: counters must not go backwards.
struct MemberTraffic {
    std::string member;
    std::uint64_t sessions = 0;  ///< now
    std::uint64_t sessions_total = 0;
    std::uint64_t bytes_from_client = 0;
    std::uint64_t bytes_from_backend = 0;
    std::uint64_t connect_failures = 0;
    std::map<std::string, std::uint64_t> ended;  ///< by reason: client_closed, cut, ...
    double rate = 0;                             ///< sessions that started in the last second
    std::uint64_t most_per_second = 0;
    base::Histogram<ConnectScale> connect_time{};
};

/// Whether a port may use a member, and why not.
struct MemberStanding {
    std::string member;
    patroni::Standing standing = patroni::Standing::out;
    std::string reason;
    /// Why sessions on an eligible member fail to start; empty if nothing is known against it.
    std::string unreachable{};
    /// Unix time when its standing became this one, at the earliest at the proxy's start.
    std::optional<double> since{};
    std::string address{};  ///< "10.0.0.1:5432": where its sessions go; empty: not known
    /// Seconds in which its standing was `out`, since the proxy's start or since it became known.
    std::optional<double> down_for{};
};

/// The same for all members.
struct PortStanding {
    std::vector<MemberStanding> members;
    bool falls_back = false;  ///< the eligible members are so by fallback_roles
    /// Unix time when the first member became eligible, or the last one ceased to be.
    std::optional<double> since{};
    std::optional<double> down_for{};  ///< seconds in which none was
};

/// What an operator has set for a member, a port or a whole cluster.
struct OperatorReport {
    std::string setting;   ///< "drain", ...
    std::string member{};  ///< empty unless it is about one
    std::string port{};    ///< empty unless it is about one
    std::string why{};
    std::string by{};                         ///< who has set it
    double since = 0;                         ///< Unix time
    std::optional<double> until{};            ///< Unix time; empty: until it is lifted
    std::optional<std::uint32_t> sessions{};  ///< of a cap
    bool maintenance = false;                 ///< of a drain: asked for as maintenance
};

/// Percentiles of durations in seconds, estimated; empty if there were none.
struct Percentiles {
    std::uint64_t count = 0;
    std::optional<double> p50{};
    std::optional<double> p95{};
    std::optional<double> p99{};
};

struct PortReport {
    std::string name;
    std::vector<std::string> listen;
    std::vector<std::string> roles;
    std::vector<std::string> fallback_roles;
    bool falls_back = false;
    std::optional<double> since{};     ///< as PortStanding's
    std::optional<double> down_for{};  ///< as PortStanding's
    std::vector<MemberStanding> members;
    std::vector<MemberTraffic> traffic;
    std::uint64_t sessions = 0;                     ///< now, including those without a backend
    std::uint64_t max_connections = 0;              ///< 0: no limit
    std::uint64_t max_connections_per_backend = 0;  ///< 0: no limit
    std::vector<std::string> allow;  ///< where clients may come from; empty: anywhere
    double queue_timeout = 0;        ///< seconds; 0: nobody is held
    std::uint64_t max_queued = 0;    ///< 0: no limit
    std::uint64_t queued = 0;        ///< held until there is a backend
    std::string queued_for{};        ///< the limit that leaves them no place; empty: no limit does
    std::uint64_t queued_total = 0;
    // In the last minute.
    Percentiles connect_times{};                   ///< until a member accepted the connection
    Percentiles held_times{};                      ///< of holds that have ended
    std::map<std::string, std::uint64_t> refused;  ///< by reason: no_backend, port_full, ...
    base::Histogram<HeldScale> held_time{};
    base::Histogram<SessionScale> session_time{};
    double oldest_held = 0;  ///< seconds since the accept of the client held longest; 0: nobody
    std::vector<OperatorReport> operator_settings{};
};

using daemons::MemberReport;

/// Members, wherever they are listed, are in the order of their names; all else in that of the
/// file.
struct ClusterReport : daemons::ClusterReport {
    std::vector<PortReport> ports;
    std::vector<OperatorReport> operator_settings{};  ///< of members and of the whole cluster
};

struct ProxyReport : daemons::ProcessReport {
    double started_at = 0;  ///< Unix time
    unsigned workers = 0;
    std::uint64_t sessions = 0;
    std::uint64_t max_connections = 0;  ///< 0: no limit
    bool ready = false;
    bool draining = false;
    std::string why_not_ready;
    std::vector<ClusterReport> clusters;
    std::vector<history::RecordPtr> history{};  ///< the latest last; then the open ones
};

}  // namespace proxy
