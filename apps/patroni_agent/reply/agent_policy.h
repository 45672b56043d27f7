#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "patroni/verdict/judge.h"
#include "patroni_agent/reply/agent_reply.h"

namespace agent {

/// Which state a listener tells for what.
struct Profile {
    ServerState ineligible = ServerState::maint;
    ServerState unknown = ServerState::maint;
    /// For how long the last verdict stands while Patroni is silent. Well below Patroni's ttl where
    /// writes are at stake: once that is over another member may be the primary.
    std::chrono::milliseconds stale_after{5'000};
};

/// What is known of one member when it is asked about.
struct Knowledge {
    const patroni::Verdict* verdict = nullptr;  ///< null: none
    std::string why_no_verdict = {};
    std::chrono::milliseconds age{0};  ///< of what the verdict is made of
    bool api_is_silent = false;        ///< a leader whose own API does not answer
    bool maintenance = false;          ///< switched on by an operator
};

struct Answer {
    ServerState state;
    std::string reason;
};

/// Pure. Anything that is not known well enough is never `ready`.
[[nodiscard]] Answer decide(const Profile& profile, const Knowledge& knowledge);

}  // namespace agent
