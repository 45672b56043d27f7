#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "daemon/report/leader_tally.h"
#include "daemon/text/json.h"
#include "daemon/text/metrics.h"
#include "patroni/verdict/cluster_view.h"
#include "patroni/watch/cluster_watcher.h"

// What both daemons tell of a cluster, in their status and their metrics. Values; any thread.
namespace daemons {

struct PollScale {
    static constexpr std::array bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                       0.25,  0.5,    1.0,   2.5,  5.0,   10.0};
};

/// How the polls of one cluster went.
struct PollReport {
    std::uint64_t good = 0;
    std::uint64_t failed = 0;
    std::string last_error;             ///< empty if the last poll was good
    std::string last_host;              ///< the host that answered the last poll
    double seconds_total = 0;           ///< spent in all polls
    double last_seconds = 0;            ///< spent in the last poll
    base::Histogram<PollScale> time{};  ///< of those that Patroni answered

    void note(const patroni::ClusterWatcher::PollResult& poll);
    /// Adds what another process counted later.
    void add(const PollReport& later);
};

/// A member as Patroni describes it; what Patroni does not tell is empty.
struct MemberReport {
    std::string name;
    std::string role;
    std::string state;
    std::string host;
    std::optional<std::uint16_t> port;
    std::optional<std::uint64_t> timeline;
    std::optional<std::uint64_t> lag;  ///< bytes
    std::map<std::string, std::string> tags;
    bool up = false;                          ///< its state is one that serves sessions
    bool leads = false;                       ///< the verdict, and not only Patroni's word
    std::optional<double> dcs_last_seen_age;  ///< seconds, by the member's clock and ours
    /// Unix time when this role and state were first seen, at the earliest at the daemon's start.
    std::optional<double> since{};
};

struct ClusterReport {
    std::string name;
    std::string leader;         ///< empty if nobody is known to lead
    std::string leader_reason;  ///< why it leads, or why nobody does
    /// Unix time when this leader, or that there is none, was first seen, as MemberReport::since.
    std::optional<double> leader_since{};
    bool paused = false;
    std::optional<double> answer_age;  ///< seconds since Patroni's last good answer
    std::vector<std::string> warnings;
    PollReport polls;
    LeaderCounts leaders{};
    std::vector<MemberReport> members;
};
[[nodiscard]] ClusterReport cluster_report(const std::string& name,
                                           const patroni::ClusterView& view,
                                           const PollReport& polls, const LeaderCounts& leaders);

[[nodiscard]] Json json_of(const PollReport& polls);
[[nodiscard]] Json json_of(const MemberReport& member);
/// Polls, and what is known of the leader and of the cluster as a whole.
void add_cluster(Metrics& out, const ClusterReport& cluster, const Labels& of_cluster);

}  // namespace daemons
