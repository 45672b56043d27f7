#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "patroni/verdict/cluster_view.h"
#include "patroni/verdict/judge.h"
#include "patroni_agent/reply/agent_policy.h"

namespace agent {

/// The verdicts of one listener on the members of one cluster, for each role that may be asked for.
/// They are ready before a request comes, so that an answer takes no time. One thread at a time; no
/// clock.
class VerdictBoard {
  public:
    /// `by_request`: HAProxy names the role in each request.
    VerdictBoard(const patroni::Requirements& wanted, bool by_request);

    void judge(const patroni::ClusterView& view);
    /// What is known about a member in a role; without one, in the listener's own roles.
    [[nodiscard]] Knowledge knowledge_of(const std::string& member,
                                         std::optional<patroni::RequestedRole> role,
                                         patroni::Clock::time_point now) const;

  private:
    struct Judged {
        patroni::Judge judge;
        std::map<std::string, patroni::Verdict> verdicts;
    };

    Judged own_;
    std::map<patroni::RequestedRole, Judged> by_role_;  // only if HAProxy names the role
    bool answered_ = false;
    patroni::Clock::time_point answered_at_;
    std::string leader_;
    bool leader_api_is_silent_ = false;
    patroni::Clock::time_point leader_confirmed_at_;
};

}  // namespace agent
