#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "patroni/verdict/judge.h"
#include "patroni_agent/reply/agent_reply.h"

namespace agent {

/// The states that a listener reports.
struct Profile {
    ServerState ineligible = ServerState::maint;
    ServerState unknown = ServerState::maint;
    /// How long the last verdict holds while Patroni is silent. For writes it must be well below
    /// Patroni's ttl, after which another member may become primary.
    std::chrono::milliseconds stale_after{5'000};
};

/// What is known about one member at the time of a request.
struct Knowledge {
    const patroni::Verdict* verdict = nullptr;  ///< null: none
    std::string why_no_verdict = {};
    std::chrono::milliseconds age{0};  ///< of the evidence for the verdict
    bool api_is_silent = false;        ///< a leader whose own API does not answer
    bool maintenance = false;          ///< switched on by the operator
};

struct Answer {
    ServerState state;
    std::string reason;
};

/// Pure. Never `ready` unless the evidence suffices.
[[nodiscard]] Answer decide(const Profile& profile, const Knowledge& knowledge);

}  // namespace agent
