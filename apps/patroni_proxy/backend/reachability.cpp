#include "patroni_proxy/backend/reachability.h"

namespace proxy {

std::string Reachability::why_failing() const {
    if (!is_failing())
        return {};
    const std::lock_guard lock(why_mutex_);
    return why_;
}

/// That it takes connects does not say that it takes sessions.
void Reachability::note_connected() noexcept {
    if (!connected_)
        connected_ = true;
    auto state = state_.load();
    while (reach_of(state) == Reach::refuses || reach_of(state) == Reach::hangs)
        if (state_.compare_exchange_weak(state, state_of(Reach::unknown, moment_of(state))))
            return;
}

bool Reachability::note_failure(Reach how, const std::string& why) {
    tell(why);
    auto state = state_.load();
    while (!state_.compare_exchange_weak(state, state_of(how, moment_of(state) + 1))) {
    }
    return reach_of(state) < Reach::refuses;
}

void Reachability::note_doubt() noexcept {
    auto state = state_.load();
    while (reach_of(state) == Reach::accepts)
        if (state_.compare_exchange_weak(state, state_of(Reach::unknown, moment_of(state) + 1)))
            return;
}

std::optional<Reach> Reachability::note_answer(Moment asked_at, Reach answer,
                                               const std::string& why) {
    auto state = state_.load();
    while (moment_of(state) == asked_at) {
        if (!state_.compare_exchange_weak(state, state_of(answer, asked_at)))
            continue;
        if (answer >= Reach::refuses)
            tell(why);
        return reach_of(state);
    }
    return std::nullopt;
}

bool Reachability::tell_first(Trouble trouble) noexcept {
    auto& told = trouble == Trouble::refused ? told_refused_ : told_ended_;
    return !told.exchange(true);
}

void Reachability::tell(const std::string& why) {
    const std::lock_guard lock(why_mutex_);
    why_ = why;
}

}  // namespace proxy
