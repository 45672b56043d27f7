#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/report/tallies.h"

/// What the agent says of itself, at one moment: GET /status and GET /metrics are made of it.
/// Values only. Times are seconds, an age is how long ago something was, at that moment, and what
/// is counted is counted from the start of the process on.
namespace agent {

/// What a listener answers for a member in a role.
struct AnswerReport {
    std::string cluster;
    std::string member;         ///< empty: the agent does not know beside whom it stands
    std::string role;           ///< the roles of the listener; where HAProxy names it, that one
    std::string state;          ///< ready, drain, maint, down
    std::string reason;         ///< as HAProxy shows it
    std::optional<double> age;  ///< of what the verdict is made of; empty: there is none
};

struct ListenerReport {
    std::string name;
    std::vector<std::string> listen;
    bool by_request = false;
    /// One; where HAProxy names member and role, one for each that it could.
    std::vector<AnswerReport> answers;
    std::map<std::string, std::uint64_t> replies;  ///< by state, those with none included
};

/// A member as Patroni tells it; empty is what it does not tell.
struct MemberReport {
    std::string name;
    std::string role;
    std::string state;
    std::optional<std::uint64_t> timeline;
    std::optional<std::uint64_t> lag;  ///< bytes
    bool leads = false;                ///< proved, not only told
};

struct ClusterReport {
    std::string name;
    std::string leader;         ///< empty if nobody is known to lead
    std::string leader_reason;  ///< why it leads, or why nobody does
    std::string own_member;     ///< beside whom the agent stands, if that is asked and known
    bool paused = false;
    std::optional<double> answer_age;  ///< of Patroni's last good answer
    std::vector<std::string> warnings;
    daemons::PollReport polls;
    std::vector<MemberReport> members;
};

struct AgentReport {
    std::string version;
    double uptime = 0;
    bool maintenance = false;
    std::uint64_t descriptors = 0;
    std::uint64_t max_descriptors = 0;
    std::uint64_t log_lines_dropped = 0;
    daemons::ReloadReport reload;
    std::vector<ClusterReport> clusters;
    std::vector<ListenerReport> listeners;
};

/// As JSON for people and scripts: every key always there and in the order of the structs, null for
/// what is not known. Pure; any thread.
[[nodiscard]] std::string status_json(const AgentReport& report);
/// In Prometheus' text format. What is not known has no sample. Pure; any thread.
[[nodiscard]] std::string metrics_text(const AgentReport& report);

}  // namespace agent
