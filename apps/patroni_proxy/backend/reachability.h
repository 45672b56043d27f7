#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "patroni/answers/observation.h"

namespace proxy {

using patroni::Trouble;

/// What is known of a backend. All from `refuses` on count as failing.
enum class BackendState : std::uint8_t {
    unknown,    ///< nothing, or a session ended since it was known
    accepts,    ///< it has said that it accepts sessions
    refuses,    ///< it refuses connects
    hangs,      ///< it does not answer a connect
    not_ready,  ///< it takes the connect, and then refuses the session or says nothing
};

/// Whether one backend accepts sessions: all that the process knows of it, from what its sessions
/// meet and from what it answers to ReadinessCheck.
/// Any thread. Choosing a backend for a session costs one load.
class Reachability {
  public:
    [[nodiscard]] BackendState state() const noexcept { return state_of(word_.load()); }
    /// It has said so, and nothing that casts doubt on it has happened since.
    [[nodiscard]] bool accepts() const noexcept { return state() == BackendState::accepts; }
    /// New sessions prefer other backends until a connect or a readiness check succeeds.
    [[nodiscard]] bool is_failing() const noexcept { return state() >= BackendState::refuses; }
    /// Empty if it does not fail.
    [[nodiscard]] std::string why_failing() const;
    /// Since when sessions or readiness checks fail without a success in between; empty if they do
    /// not.
    [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> failing_since() const;

    // What sessions meet.
    void note_connected() noexcept;
    /// True if it did not fail before.
    bool note_failure(BackendState how, const std::string& why);
    /// It has ended a session, so it may not accept the next one. Changes nothing if that is
    /// unknown already: the answer may be on its way, and a backend that keeps ending sessions
    /// would never be believed.
    void note_doubt() noexcept;

    // What it answers. An answer counts unless a session has met something worse since the question
    // was asked.
    using Moment = std::uint32_t;
    [[nodiscard]] Moment moment() const noexcept { return moment_of(word_.load()); }
    /// The state before; nothing if the answer does not count.
    std::optional<BackendState> note_answer(Moment asked_at, BackendState answer,
                                            const std::string& why = {});

    /// A client waits for its answer: true for the first client since the last answer, for one
    /// question is enough for all of them.
    [[nodiscard]] bool begin_waiting() noexcept { return raise(kAwaited); }
    void end_waiting() noexcept { lower(kAwaited); }
    /// Whether a session has connected since the last call.
    [[nodiscard]] bool take_connected() noexcept { return lower(kConnected); }

    /// True for the first trouble of its kind since Patroni's last answer: a member that goes down
    /// ends thousands of sessions, and one report is enough.
    [[nodiscard]] bool begin_report(Trouble trouble) noexcept {
        return raise(trouble == Trouble::refused ? kRefusalReported : kEndReported);
    }
    void allow_reports() noexcept { lower(kRefusalReported | kEndReported); }

  private:
    // One word: the state, and how often sessions have met something worse than was known.
    static constexpr unsigned kStateBits = 3;
    static BackendState state_of(std::uint32_t word) noexcept {
        return static_cast<BackendState>(word & ((1U << kStateBits) - 1));
    }
    static Moment moment_of(std::uint32_t word) noexcept { return word >> kStateBits; }
    static std::uint32_t word_of(BackendState state, Moment moment) noexcept {
        return moment << kStateBits | static_cast<std::uint32_t>(state);
    }

    using Flags = std::uint32_t;
    static constexpr Flags kConnected = 1;
    static constexpr Flags kAwaited = 2;
    static constexpr Flags kRefusalReported = 4;
    static constexpr Flags kEndReported = 8;
    /// Whether it was down. Mostly it is up already, and a load is cheap.
    bool raise(Flags flag) noexcept {
        return (flags_.load() & flag) == 0 && (flags_.fetch_or(flag) & flag) == 0;
    }
    /// Whether it was up.
    bool lower(Flags flags) noexcept { return (flags_.fetch_and(~flags) & flags) != 0; }

    /// `begins`: it did not fail before.
    void keep_reason(const std::string& why, bool begins);

    std::atomic<std::uint32_t> word_{0};
    std::atomic<Flags> flags_{0};
    mutable std::mutex why_mutex_;
    // Guarded by why_mutex_.
    std::string why_;
    std::chrono::steady_clock::time_point since_{};
};

}  // namespace proxy
