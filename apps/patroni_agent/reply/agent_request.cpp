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

}  // namespace

std::optional<AgentRequest> parse_request(std::string_view line, std::string& reason) {
    line = trimmed(line);
    // A cluster's name may hold a slash; members' and roles' names do not.
    const auto last = line.rfind('/');
    const auto middle =
        last == std::string_view::npos || last == 0 ? last : line.rfind('/', last - 1);
    if (middle == std::string_view::npos || middle == 0 || middle + 1 == last ||
        last == std::string_view::npos) {
        reason = "a request is CLUSTER/MEMBER/ROLE";
        return std::nullopt;
    }
    const auto role = patroni::requested_role_from(line.substr(last + 1));
    if (!role) {
        reason = "unknown role; allowed: " + patroni::requested_role_names();
        return std::nullopt;
    }
    return AgentRequest{std::string(line.substr(0, middle)),
                        std::string(line.substr(middle + 1, last - middle - 1)), *role};
}

}  // namespace agent
