#include "patroni_agent/reply/agent_policy.h"

#include "daemon/text/units.h"

namespace agent {

Answer decide(const Profile& profile, const Knowledge& knowledge) {
    if (knowledge.maintenance)
        return {ServerState::maint, "in maintenance by the operator"};
    if (!knowledge.verdict)
        return {profile.unknown, knowledge.why_no_verdict};
    const auto& [member, standing, reason] = *knowledge.verdict;
    if (standing == patroni::Standing::out)
        return {profile.ineligible, member->name + ": " + reason};
    if (knowledge.age > profile.stale_after) {
        // In whole seconds: HAProxy notices each change of the text.
        const auto age = std::chrono::duration_cast<std::chrono::seconds>(knowledge.age);
        return {profile.unknown, member->name + ": unconfirmed for " + daemons::duration_text(age) +
                                     ", was " + reason};
    }
    // A primary that crashed comes back read-only and still holds the leader lock, so that GET
    // /cluster shows it as leader all the while: only its own API says whether it takes writes.
    if (standing == patroni::Standing::tolerated || knowledge.api_is_silent)
        return {ServerState::drain, member->name + ": " + reason};
    return {ServerState::ready, member->name + ": " + reason};
}

}  // namespace agent
