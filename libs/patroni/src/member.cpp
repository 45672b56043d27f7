#include "patroni/member.h"

namespace patroni {

Role role_from(std::string_view name) {
    if (name == "leader")
        return Role::leader;
    if (name == "standby_leader")
        return Role::standby_leader;
    if (name == "sync_standby")
        return Role::sync_standby;
    if (name == "quorum_standby")
        return Role::quorum_standby;
    if (name == "replica")
        return Role::replica;
    return Role::unknown;
}

State state_from(std::string_view name) {
    if (name == "running")
        return State::running;
    if (name == "streaming")
        return State::streaming;
    if (name == "in archive recovery")
        return State::in_archive_recovery;
    return State::not_running;
}

bool serves(State state) {
    return state != State::not_running;
}

bool Member::tagged(const std::string& tag) const {
    const auto found = tags.find(tag);
    return found != tags.end() && !found->second.empty() && found->second != "0" &&
           found->second != "false";
}

}  // namespace patroni
