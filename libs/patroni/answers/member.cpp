#include "patroni/answers/member.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace patroni {
namespace {

// All states of Patroni 2.0 to 4.1 (PostgresqlState in postgresql/misc.py; before 3.1 the calls of
// set_state), with the misspelling of 2.x. States that end in "failed" are recognised by that.
constexpr std::array<std::string_view, 11> kNotRunning{
    "stopped",
    "stopping",
    "starting",
    "starting after custom bootstrap",
    "restarting",
    "crashed",
    "creating replica",
    "initializing new cluster",
    "initalizing new cluster",
    "running custom bootstrap script",
    "custom bootstrap",
};

/// "start failed", "custom bootstrap failed", before 4.0 also "restart failed (running)".
bool says_failed(std::string_view name) {
    return name.substr(0, name.find(" (")).ends_with(" failed");
}

}  // namespace

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
    if (says_failed(name) ||
        std::find(kNotRunning.begin(), kNotRunning.end(), name) != kNotRunning.end())
        return State::not_running;
    return State::unknown;
}

bool serves(State state) {
    return state != State::unknown && state != State::not_running;
}

bool Member::tagged(const std::string& tag) const {
    const auto found = tags.find(tag);
    return found != tags.end() && !found->second.empty() && found->second != "0" &&
           found->second != "false";
}

bool is_readable(const Member& member) {
    return member.role != Role::unknown && member.state != State::unknown;
}

std::string number_text(double number) {
    std::array<char, 64> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    return {text.data(), end};
}

}  // namespace patroni
