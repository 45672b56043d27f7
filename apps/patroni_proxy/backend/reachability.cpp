#include "patroni_proxy/backend/reachability.h"

namespace proxy {

std::string Reachability::why_failing() const {
    if (!is_failing())
        return {};
    const std::lock_guard lock(why_mutex_);
    return why_;
}

std::optional<std::chrono::steady_clock::time_point> Reachability::failing_since() const {
    if (!is_failing())
        return std::nullopt;
    const std::lock_guard lock(why_mutex_);
    return since_;
}

/// A backend that accepts connections may still refuse sessions.
void Reachability::note_connected() noexcept {
    raise(kConnected);
    auto word = word_.load();
    while (state_of(word) == BackendState::refuses || state_of(word) == BackendState::hangs)
        if (word_.compare_exchange_weak(word, word_of(BackendState::unknown, moment_of(word))))
            return;
}

bool Reachability::note_failure(BackendState how, const std::string& why) {
    keep_reason(why, !is_failing());
    auto word = word_.load();
    while (!word_.compare_exchange_weak(word, word_of(how, moment_of(word) + 1))) {
    }
    return state_of(word) < BackendState::refuses;
}

void Reachability::note_doubt() noexcept {
    auto word = word_.load();
    while (state_of(word) == BackendState::accepts)
        if (word_.compare_exchange_weak(word, word_of(BackendState::unknown, moment_of(word) + 1)))
            return;
}

std::optional<BackendState> Reachability::note_answer(Moment asked_at, BackendState answer,
                                                      const std::string& why) {
    auto word = word_.load();
    while (moment_of(word) == asked_at) {
        if (!word_.compare_exchange_weak(word, word_of(answer, asked_at)))
            continue;
        if (answer >= BackendState::refuses)
            keep_reason(why, state_of(word) < BackendState::refuses);
        return state_of(word);
    }
    return std::nullopt;
}

void Reachability::keep_reason(const std::string& why, bool begins) {
    const std::lock_guard lock(why_mutex_);
    why_ = why;
    if (begins)
        since_ = std::chrono::steady_clock::now();
}

}  // namespace proxy
