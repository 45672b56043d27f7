#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "patroni/verdict/cluster_view.h"
#include "patroni/verdict/judge.h"
#include "patroni_agent/config.h"
#include "patroni_agent/reply/agent_policy.h"

namespace agent {

/// The verdicts of one listener on the members of one cluster, for each set of roles that it may be
/// asked for: kept ready, so that an answer takes no time. One thread at a time; no clock.
class VerdictBoard {
  public:
    explicit VerdictBoard(const ListenerConfig& listener);

    void judge(const patroni::ClusterView& view);
    /// What is known of a member in a role; without a role, in the listener's own.
    [[nodiscard]] Knowledge knowledge_of(const std::string& member,
                                         std::optional<patroni::RequestedRole> role,
                                         patroni::Clock::time_point now) const;

  private:
    struct Judged {
        patroni::Judge judge;
        std::map<std::string, patroni::Verdict> verdicts;
    };

    Judged own_;
    std::map<patroni::RequestedRole, Judged> by_role_;  // only where HAProxy names the role
    bool answered_ = false;
    patroni::Clock::time_point answered_at_;
    std::string leader_;
    bool leader_by_hearsay_ = false;
    patroni::Clock::time_point leader_confirmed_at_;
};

}  // namespace agent
