#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "patroni/answers/observation.h"

namespace patroni {

/// When a cluster is asked: time points in, time points out. No clock, no I/O, and chance only
/// through `Chance`. One thread at a time; a value.
///
/// - A round follows the one before after the interval, more or less a twentieth of it.
/// - Doubt, trouble, a leader that is silent, or a round that leaves news to be expected or a
///   planned switchover near begins the alert, and a round that leaves nothing of it ends it. In
///   alert rounds are 200 ms apart, 100 in the first five seconds in which nobody leads by /cluster
///   and while the leader does not answer for itself; where answers are slow up to a second, 300 ms
///   in those five; further after minutes, but never beyond the interval.
/// - A candidate is asked every 50 ms, less often where its answers are slow, for five seconds at
///   most.
/// - The first trouble of the data path is a reason for an alert of a second, for Patroni may learn
///   of it later than sessions do. More of it, of which nothing comes, costs at most a request a
///   second of the leader and a round each four of the others, and waits no longer than that, but
///   for trouble of others during a round, which has to be told again. However much of theirs there
///   is, that of the leader is heard, and however many sessions it ends, that it refuses one.
/// - A leader is silent that has not answered for 150 ms, or for four times as long as the last
///   time: one that hundreds of proxies keep busy must not have them all ask more.
class PollSchedule {
  public:
    /// Any number of [least, most].
    using Chance = std::function<std::int64_t(std::int64_t least, std::int64_t most)>;

    /// What a round leaves behind that matters for the next one.
    struct Outlook {
        bool expects_news = false;  ///< nobody leads beyond doubt, or something is to be confirmed
        bool leaderless = false;    ///< by /cluster: somebody may take the lock at any moment
        /// The leader does not answer for itself: its lock may run out, while it takes writes.
        bool by_hearsay = false;
        /// When a switchover is planned, if one is, and what time it is by the same clock.
        std::optional<std::chrono::system_clock::time_point> switchover_at{};
        std::chrono::system_clock::time_point wall_clock{};
        /// Of /cluster, by who answered well, or else by the slowest that answered; 0: nobody did.
        Clock::duration answer_took{0};
    };

    /// The first round is due at once.
    PollSchedule(Clock::duration interval, Chance chance);

    /// From now on this interval; a round is due at once. An alert goes on.
    void restart(Clock::duration interval, Clock::time_point now);

    [[nodiscard]] Clock::time_point next_round_at() const noexcept { return next_round_at_; }
    void round_began(Clock::time_point now);
    /// The one that began last. It alone sets when the next is due, whatever was said meanwhile.
    void round_ended(const Outlook& outlook);
    /// A host that has not answered /cluster by then is slow: the next one is asked as well.
    [[nodiscard]] Clock::duration next_host_after() const;
    /// For how long a round waits for what members say for themselves; later words count all the
    /// same. `is_awaited`: somebody wants to know all there is.
    [[nodiscard]] Clock::duration members_wait(bool is_awaited) const;

    /// Somebody else leads, or nobody any more: what is left of alert goes on at full pace, and the
    /// next trouble is the first.
    void leader_changed();
    /// Nobody leads beyond doubt. An early round is due, unless in alert, where the next is as
    /// early as may be.
    void doubt(Clock::time_point now);
    /// Somebody waits for a round: it is due at once, but 100 ms after the one before at the
    /// soonest.
    void want_round();
    /// Trouble of the data path; `of_leader`: of the member that is known to lead. Whether it is
    /// news: then it is evidence, and until it is cleared up more is expected. Any other brings a
    /// look at the leader or the next round forward.
    [[nodiscard]] bool trouble(Trouble trouble, bool of_leader, Clock::time_point now);
    /// Whether the leader is to be asked now, for its trouble; if so, that is taken for done. To be
    /// called after trouble(), and at next_look_at(), where the leader may have turned out silent.
    [[nodiscard]] bool take_look(Clock::time_point now);
    [[nodiscard]] Clock::time_point next_look_at() const noexcept {
        return std::min(next_look_at_, silent_at_);
    }
    /// For itself.
    void leader_asked(Clock::time_point now);
    /// Empty: it cannot be asked.
    void leader_answered(std::optional<Clock::duration> took);

    /// Whether `candidate` (empty: nobody) is to be asked now; if so, that is taken for done. To be
    /// called whenever it may be another one, and at next_candidate_at().
    [[nodiscard]] bool take_candidate(const std::string& candidate, Clock::time_point now);
    [[nodiscard]] Clock::time_point next_candidate_at() const noexcept {
        return next_candidate_at_;
    }
    /// Counts where `member` is the candidate that take_candidate() was called with.
    void candidate_answered(const std::string& member, Clock::duration took);

    /// Whether the members' positions are to be asked with this round; if so, that is taken for
    /// done. They are no part of an alert: they keep the pace of the interval.
    [[nodiscard]] bool take_positions(Clock::time_point now);

  private:
    /// To trouble, after some of it.
    struct Deafness {
        Clock::duration time{0};
        Clock::time_point until{};
        Clock::time_point last{};  ///< of it, heard or not

        /// Begins anew, for longer than the last time.
        void lengthen(Clock::duration longest, Clock::time_point now) noexcept;
    };

    /// What an API may rest after an answer, by how long that took.
    struct Rest {
        Clock::duration last_took{0};

        /// One that is slow by chance changes nothing: the shorter one of two answers counts.
        [[nodiscard]] Clock::duration after(Clock::duration took, int per_work) noexcept;
    };

    [[nodiscard]] bool in_alert() const noexcept { return alert_since_.has_value(); }
    [[nodiscard]] Clock::duration jittered(Clock::duration pace) const;
    void hurry(Clock::time_point now);

    Clock::duration interval_;
    Chance chance_;
    Clock::time_point last_round_at_;  ///< when it began
    Clock::time_point next_round_at_;
    std::optional<Clock::time_point> alert_since_;
    std::optional<Clock::time_point> leaderless_since_;  ///< in alert
    Rest rest_;                                          ///< of who answers /cluster
    Clock::time_point troubled_until_{};  ///< alert until then, whatever the answers are
    Deafness to_ends_;                    ///< of sessions, by the leader
    Deafness to_refusals_;                ///< by the leader
    Deafness to_others_;
    bool others_wait_ = false;  ///< for a round that looks at their trouble
    Clock::time_point next_look_at_ = Clock::time_point::max();
    Clock::time_point silent_at_ = Clock::time_point::max();  ///< unless the leader answers
    bool is_silent_ = false;                                  ///< the leader
    Clock::duration leader_took_{0};                          ///< to answer, the last time
    std::string candidate_;
    Clock::time_point candidate_since_;
    Clock::time_point candidate_asked_at_;
    Rest candidate_rest_;
    Clock::time_point next_candidate_at_ = Clock::time_point::max();
    Clock::time_point positions_asked_at_;
};

}  // namespace patroni
