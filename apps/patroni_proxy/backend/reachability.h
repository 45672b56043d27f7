#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "patroni/answers/observation.h"

namespace proxy {

using patroni::Trouble;

/// How the latest try to reach a backend went.
enum class Reach : std::uint8_t {
    unknown,    ///< nobody has heard of it since the last doubt
    accepts,    ///< it has said that it accepts sessions
    refuses,    ///< it refuses connects
    hangs,      ///< a connect gets no answer
    not_ready,  ///< it takes the connect and then refuses the session, or says nothing
};

/// Whether one backend accepts sessions: all that the process knows of it, made of what sessions
/// meet and of what the backend says when ReadinessCheck asks it.
/// Any thread. Choosing a backend for a session costs one load.
class Reachability {
  public:
    [[nodiscard]] Reach reach() const noexcept { return reach_of(state_.load()); }
    /// By its own word, and nothing has been heard since that makes it doubtful.
    [[nodiscard]] bool accepts() const noexcept { return reach() == Reach::accepts; }
    /// New sessions go elsewhere where they can, until a connect or a question succeeds.
    [[nodiscard]] bool is_failing() const noexcept { return reach() >= Reach::refuses; }
    /// Why it fails, in words; empty if it does not.
    [[nodiscard]] std::string why_failing() const;

    // What sessions meet.
    void note_connected() noexcept;
    /// True if it did not fail before.
    bool note_failure(Reach how, const std::string& why);
    /// It has ended a session. Where it is in doubt already nothing changes: its word may be on its
    /// way, and one that ends sessions all the time would never be believed.
    void note_doubt() noexcept;

    // What it says itself. An answer counts unless a session has met something worse meanwhile.
    using Moment = std::uint32_t;
    [[nodiscard]] Moment moment() const noexcept { return moment_of(state_.load()); }
    /// What was known before; nothing if the answer does not count.
    std::optional<Reach> note_answer(Moment asked_at, Reach answer, const std::string& why = {});

    /// A client waits for its word: true for the first to say so until the word has come.
    [[nodiscard]] bool begin_waiting() noexcept {
        return !waited_for_ && !waited_for_.exchange(true);
    }
    void end_waiting() noexcept { waited_for_ = false; }
    /// Whether a session has connected since this was asked last.
    [[nodiscard]] bool take_connected() noexcept { return connected_.exchange(false); }

    /// True for the first since the last answer of Patroni: a member that goes down ends thousands
    /// of sessions, and one of them is enough.
    [[nodiscard]] bool tell_first(Trouble trouble) noexcept;
    void tell_again() noexcept { told_ended_ = told_refused_ = false; }

  private:
    // One word: what is known, and how often sessions have met worse than was known.
    static constexpr unsigned kReachBits = 3;
    static Reach reach_of(std::uint32_t state) noexcept {
        return static_cast<Reach>(state & ((1U << kReachBits) - 1));
    }
    static Moment moment_of(std::uint32_t state) noexcept { return state >> kReachBits; }
    static std::uint32_t state_of(Reach reach, Moment moment) noexcept {
        return moment << kReachBits | static_cast<std::uint32_t>(reach);
    }
    void tell(const std::string& why);

    std::atomic<std::uint32_t> state_{0};
    std::atomic<bool> connected_{false};
    std::atomic<bool> waited_for_{false};
    std::atomic<bool> told_ended_{false};
    std::atomic<bool> told_refused_{false};
    mutable std::mutex why_mutex_;
    std::string why_;  // guarded by why_mutex_
};

}  // namespace proxy
