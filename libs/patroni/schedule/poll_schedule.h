#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "patroni/answers/observation.h"
#include "patroni/schedule/min_gap.h"
#include "patroni/schedule/trouble_backoff.h"

namespace patroni {

/// When a cluster is polled: time points in, time points out. No clock and no I/O; randomness comes
/// through `Chance` alone. Not thread-safe; a value.
///
/// - Calm: one poll per interval, each up to 5 % early or late.
/// - Alert, while a change is expected: one poll per 200 ms; one per 100 ms in the first five
///   seconds without a leader, and while the leader's own API is silent. Polls are further apart
///   if answers are slow, and if the alert lasts for minutes, but never further than the interval.
/// - An alert begins when the leader is in doubt or its API falls silent, with the first trouble on
///   the data path, just before a planned switchover, and after a poll that leaves something
///   unclear. It ends with the first poll after which none of this holds.
/// - Repeated trouble that changes nothing is throttled: to one request per second to the leader,
///   and to one poll per four seconds if it concerns other members. No kind of trouble hides
///   another.
class PollSchedule {
  public:
    /// Any number in [least, most].
    using Chance = std::function<std::int64_t(std::int64_t least, std::int64_t most)>;

    /// What a poll found that matters for the next one.
    struct PollSummary {
        bool expects_change = false;    ///< no leader beyond doubt, or something to be confirmed
        bool leaderless = false;        ///< by /cluster: any member may take the lock at any moment
        bool leader_is_silent = false;  ///< the leader's own API does not answer
        /// When a switchover is planned, if one is, and the time of the same clock now.
        std::optional<std::chrono::system_clock::time_point> switchover_at{};
        std::chrono::system_clock::time_point wall_clock{};
        /// How long the good answer of /cluster took, else the slowest bad one; 0: no answer.
        Clock::duration answer_took{0};
    };

    /// The first poll is due at once.
    PollSchedule(Clock::duration interval, Chance chance);

    /// From now on this interval; a poll is due at once. An alert continues.
    void restart(Clock::duration interval, Clock::time_point now);

    [[nodiscard]] Clock::time_point next_poll_at() const noexcept { return next_poll_at_; }
    void poll_began(Clock::time_point now);
    /// The poll that began last has ended. This alone sets when the next one is due, whatever was
    /// reported meanwhile.
    void poll_ended(const PollSummary& summary);
    /// How long a poll waits for a host before it asks the next one as well, and for the members'
    /// self-reports. Later answers still count. `someone_waits`: for the result of this poll, so
    /// it waits longer for self-reports.
    [[nodiscard]] Clock::duration patience(bool someone_waits = false) const;

    /// Another member leads, or nobody does any more: an alert continues at full pace, and the next
    /// trouble counts as the first.
    void leader_changed();
    /// The leader is in doubt. Starts an alert, with an early poll, unless there is one.
    void doubt(Clock::time_point now);
    /// Somebody waits for a poll: it is due at once, but at least 100 ms after the one before.
    void want_poll();

    /// Trouble on the data path; `of_leader`: with the member known to lead. True for the first
    /// report of its kind: that is evidence, and starts an alert of a second at least. Repeated
    /// reports bring forward a check of the leader, or the next poll. Trouble of other members that
    /// is reported during a poll counts for the next poll only if it is reported again.
    [[nodiscard]] bool trouble(Trouble trouble, bool of_leader, Clock::time_point now);
    /// Whether the leader is to be asked now because of its trouble; if so, it counts as asked.
    /// Notices a silent leader too. Call it after trouble(), and at next_leader_check_at().
    [[nodiscard]] bool take_leader_check(Clock::time_point now);
    [[nodiscard]] Clock::time_point next_leader_check_at() const noexcept;
    /// The leader's own API was asked.
    void leader_asked(Clock::time_point now) { silence_.asked(now); }
    /// It answered, or (empty) cannot be asked.
    void leader_answered(std::optional<Clock::duration> took) { silence_.answered(took); }

    /// Whether this poll asks members for their positions; if so, that counts as done. Positions
    /// keep the pace of the interval in alert too.
    [[nodiscard]] bool take_positions(Clock::time_point now);

  private:
    struct Alert {
        Clock::time_point since;
        std::optional<Clock::time_point> leaderless_since = {};
    };
    /// Trouble is throttled for each of these by itself, so that a replica that fails all day does
    /// not hide a leader that goes down, nor sessions that end a leader that refuses them.
    enum TroubleKind : std::uint8_t { leader_ends, leader_refuses, others };

    /// Whether the leader's API lets a request wait for suspiciously long: an API that is about to
    /// end still accepts connections, and never answers.
    struct Silence {
        Clock::time_point begins_at = Clock::time_point::max();  ///< unless it answers
        bool is_on = false;
        Clock::duration last_took{0};  ///< to answer

        void asked(Clock::time_point now);
        void answered(std::optional<Clock::duration> took);
    };

    void start_alert(Clock::time_point now);
    void bring_forward(Clock::time_point to) noexcept;
    [[nodiscard]] Clock::duration alert_gap(const PollSummary& summary, Clock::duration min_gap);
    [[nodiscard]] Clock::duration jittered(Clock::duration gap) const;

    Clock::duration interval_;
    Chance chance_;
    Clock::time_point last_poll_at_;  ///< when it began
    Clock::time_point next_poll_at_;
    std::optional<Alert> alert_;              ///< empty: calm
    Clock::time_point alert_until_{};         ///< at least, after trouble
    MinGap min_gap_;                          ///< of whoever answers /cluster
    std::array<TroubleBackoff, 3> backoffs_;  ///< by TroubleKind
    Silence silence_;
    Clock::time_point positions_asked_at_;
};

}  // namespace patroni
