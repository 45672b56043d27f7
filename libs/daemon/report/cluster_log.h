#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/log/log.h"
#include "patroni/verdict/cluster_view.h"
#include "patroni/watch/cluster_watcher.h"

namespace daemons {

/// Logs what happens to one cluster, each change once: members, leader, warnings, polls that fail.
/// INFO is the normal course, WARNING that something is lost (a host, the leader), ERROR that
/// nobody has led for longer than a failover takes, repeated until somebody leads.
/// One thread at a time; no clock.
class ClusterLog {
  public:
    /// Patroni's default `ttl` (https://patroni.readthedocs.io, dynamic configuration): after that
    /// a standby may take the leader lock, so a cluster without a leader for longer needs help.
    static constexpr std::chrono::seconds kFailoverTime{30};
    static constexpr std::chrono::minutes kRepeatAfter{1};

    using Write =
        std::function<void(log::Level, const log::About& about, const std::string& message)>;

    /// `effect` says what it means for clients that nothing is known yet: "clients of main are
    /// refused". `write` stands in for the log in tests.
    explicit ClusterLog(std::string cluster, std::string effect = {}, Write write = write_to_log);

    void on_view(const patroni::ClusterView& view);
    void on_poll(const patroni::ClusterWatcher::PollResult& poll, patroni::Clock::time_point now);

  private:
    static void write_to_log(log::Level level, const log::About& about, const std::string& message);
    void say(log::Level level, std::string_view event, const std::string& message) const;
    void log_leader();
    void log_leaderless(patroni::Clock::time_point now);

    const std::string cluster_;
    const std::string effect_;
    const Write write_;
    std::string members_;
    std::string errors_;
    std::vector<std::string> warnings_;
    patroni::Leadership leader_;   ///< by the latest view
    std::string logged_leader_;    ///< the line
    bool has_led_ = false;         ///< somebody did by the view before
    bool expects_leader_ = false;  ///< false: nothing is known yet, or it is a standby cluster
    bool answered_ = false;        ///< a poll was answered
    std::optional<patroni::Clock::time_point> leaderless_since_;
    std::optional<patroni::Clock::time_point> next_alarm_;
};

}  // namespace daemons
