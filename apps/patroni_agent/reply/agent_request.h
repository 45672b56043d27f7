#pragma once

#include <string>
#include <string_view>

#include "patroni/result.h"
#include "patroni/verdict/eligibility.h"

namespace agent {

/// A request of HAProxy (`agent-send`): a member and the role asked for.
struct AgentRequest {
    std::string cluster;
    std::string member;
    patroni::RequestedRole role = patroni::RequestedRole::leader;
};

/// "my_cluster/pg-node-1/leader", without the newline; surrounding spaces are ignored.
[[nodiscard]] patroni::Result<AgentRequest> parse_request(std::string_view line);

}  // namespace agent
