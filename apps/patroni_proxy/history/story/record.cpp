#include "patroni_proxy/history/story/record.h"

#include <algorithm>

namespace proxy::history {

std::string_view name_of(Kind kind) {
    switch (kind) {
        case Kind::operator_action:
            return "operator";
        case Kind::clients:
            return "clients";
        case Kind::members:
            return "members";
        case Kind::patroni:
            return "patroni";
        case Kind::leader:
            return "leader";
    }
    return "?";
}

std::string_view name_of(Cause cause) {
    switch (cause) {
        case Cause::unknown:
            return "unknown";
        case Cause::switchover:
            return "switchover";
        case Cause::leader_stopped:
            return "leader_stopped";
        case Cause::leader_died:
            return "leader_died";
        case Cause::leader_frozen:
            return "leader_frozen";
        case Cause::leader_demoted:
            return "leader_demoted";
        case Cause::leader_crashed:
            return "leader_crashed";
        case Cause::store_down:
            return "store_down";
        case Cause::patroni_unreachable:
            return "patroni_unreachable";
        case Cause::api_silent:
            return "api_silent";
        case Cause::backend_unreachable:
            return "backend_unreachable";
        case Cause::doubt:
            return "doubt";
        case Cause::flapping:
            return "flapping";
        case Cause::reinitialized:
            return "reinitialized";
        case Cause::no_leader:
            return "no_leader";
        case Cause::lag:
            return "lag";
        case Cause::members:
            return "members";
        case Cause::clients:
            return "clients";
        case Cause::operator_action:
            return "operator";
    }
    return "?";
}

std::string_view name_of(StepKind kind) {
    switch (kind) {
        case StepKind::last_proven:
            return "last_proven";
        case StepKind::doubted:
            return "doubted";
        case StepKind::leader_out:
            return "leader_out";
        case StepKind::lock_free:
            return "lock_free";
        case StepKind::lock_taken:
            return "lock_taken";
        case StepKind::promoted:
            return "promoted";
        case StepKind::leads_again:
            return "leads_again";
        case StepKind::first_session:
            return "first_session";
        case StepKind::patroni_silent:
            return "patroni_silent";
        case StepKind::patroni_answers:
            return "patroni_answers";
        case StepKind::member_left:
            return "member_left";
        case StepKind::member_joined:
            return "member_joined";
    }
    return "?";
}

std::uint64_t PortShare::refused_in_all() const {
    std::uint64_t all = 0;
    for (const auto& [reason, number] : refused)
        all += number;
    return all;
}

PortShare total_of(const Record& record) {
    PortShare total;
    for (const auto& port : record.ports) {
        total.ended += port.ended;
        total.held += port.held;
        total.longest_held = std::max(total.longest_held, port.longest_held);
        total.gave_up += port.gave_up;
        for (const auto& [reason, number] : port.refused)
            total.refused[reason] += number;
        if (port.first_session &&
            (!total.first_session || *port.first_session < *total.first_session))
            total.first_session = port.first_session;
    }
    return total;
}

}  // namespace proxy::history
