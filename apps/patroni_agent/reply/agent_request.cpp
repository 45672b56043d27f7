#include "patroni_agent/reply/agent_request.h"

namespace agent {
namespace {

constexpr std::string_view kSpaces = " \t\r";

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(kSpaces);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

/// Cuts off what stands behind the last slash, and the slash; all if there is none.
std::string_view take_last_part(std::string_view& text) {
    const auto slash = text.rfind('/');
    const bool is_only = slash == std::string_view::npos;
    const std::string_view part = text.substr(is_only ? 0 : slash + 1);
    text = text.substr(0, is_only ? 0 : slash);
    return part;
}

}  // namespace

patroni::Result<AgentRequest> parse_request(std::string_view line) {
    // A cluster's name may hold a slash; members' and roles' names do not.
    std::string_view cluster = trimmed(line);
    const std::string_view role_name = take_last_part(cluster);
    const std::string_view member = take_last_part(cluster);
    if (cluster.empty() || member.empty())
        return patroni::Failure{"a request is CLUSTER/MEMBER/ROLE"};
    const auto role = patroni::requested_role_from(role_name);
    if (!role)
        return patroni::Failure{"unknown role; allowed: " + patroni::requested_role_names()};
    return AgentRequest{std::string(cluster), std::string(member), *role};
}

}  // namespace agent
