#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/report/cluster_report.h"
#include "daemon/report/process_report.h"

/// A snapshot of the agent's state, from which GET /status and GET /metrics are made. Values only.
/// Times and ages are in seconds; counters start with the process.
namespace agent {

/// A listener's answer for a member in a role.
struct AnswerReport {
    std::string cluster;
    std::string member;         ///< empty: the local member is not known
    std::string role;           ///< the listener's roles, or the one that HAProxy names
    std::string state;          ///< ready, drain, maint, down
    std::string reason;         ///< as HAProxy shows it
    std::optional<double> age;  ///< of the evidence for the verdict; empty: no verdict
};

struct ListenerReport {
    std::string name;
    std::vector<std::string> listen;
    bool by_request = false;
    /// One, or with `by_request` one for each member and role that HAProxy may name.
    std::vector<AnswerReport> answers;
    std::map<std::string, std::uint64_t> replies;  ///< by state; every state is present
};

using daemons::MemberReport;

struct ClusterReport : daemons::ClusterReport {
    std::string
        own_member;  ///< the member beside the agent, if a listener needs it and it is known
};

struct AgentReport : daemons::ProcessReport {
    bool maintenance = false;
    std::vector<ClusterReport> clusters;
    std::vector<ListenerReport> listeners;
};

/// JSON for people and scripts: all keys are always present, in a fixed order; null if not known.
/// Pure; any thread.
[[nodiscard]] std::string status_json(const AgentReport& report);
/// For Prometheus. Unknown values have no sample. Pure; any thread.
[[nodiscard]] std::string metrics_text(
    const AgentReport& report, daemons::MetricsFormat format = daemons::MetricsFormat::text);

}  // namespace agent
