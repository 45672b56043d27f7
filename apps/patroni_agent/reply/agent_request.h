#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "patroni/verdict/eligibility.h"

namespace agent {

/// What HAProxy asks with `agent-send`: which member, and as what.
struct AgentRequest {
    std::string cluster;
    std::string member;
    patroni::RequestedRole role = patroni::RequestedRole::leader;
};

/// "my_cluster/pg-node-1/leader", without the newline; spaces around it do not matter. Nothing if
/// it is anything else; then `reason` says what it takes.
[[nodiscard]] std::optional<AgentRequest> parse_request(std::string_view line, std::string& reason);

}  // namespace agent
