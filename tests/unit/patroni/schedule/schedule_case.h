#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

#include "patroni/schedule/poll_schedule.h"

namespace patroni::schedule_tests {

using namespace std::chrono_literals;
using Milliseconds = std::chrono::milliseconds;
using PollSummary = PollSchedule::PollSummary;

inline constexpr Milliseconds kInterval{3'000};
inline constexpr auto kEnded = Trouble::ended;
inline constexpr auto kRefused = Trouble::refused;
inline const PollSummary kCalm{};
inline const PollSummary kNews{.expects_change = true};
inline const PollSummary kLeaderless{.expects_change = true, .leaderless = true};

inline PollSummary news_after(Clock::duration answer_took) {
    return {.expects_change = true, .answer_took = answer_took};
}
/// All is well, but for a switchover that is planned; negative: its time is past.
inline PollSummary switchover_in(Clock::duration time) {
    const std::chrono::system_clock::time_point now{480'000h};
    return {.switchover_at = now + time, .wall_clock = now};
}

inline std::int64_t none(std::int64_t /*least*/, std::int64_t /*most*/) {
    return 0;
}
inline std::int64_t earliest(std::int64_t least, std::int64_t /*most*/) {
    return least;
}
inline std::int64_t latest(std::int64_t /*least*/, std::int64_t most) {
    return most;
}

inline Milliseconds in_ms(Clock::duration time) {
    return std::chrono::duration_cast<Milliseconds>(time);
}

/// What trouble brought, and when after the beginning.
enum class Brought : std::uint8_t { alert, look, poll };
using BroughtWhen = std::pair<Brought, Milliseconds>;

/// A schedule with a hand on the clock.
class Case {
  public:
    explicit Case(PollSchedule::Chance chance = none, Clock::duration interval = kInterval)
        : schedule(interval, std::move(chance)) {}

    /// A poll that takes no time, now. How long after it the next one is due.
    Milliseconds poll(const PollSummary& summary) {
        schedule.poll_began(now);
        schedule.poll_ended(summary);
        ++begun;
        return until_next();
    }
    /// Polls as they are due, for that long: how many, if not thousands.
    int polls(Clock::duration time, const PollSummary& summary) {
        begun = 0;
        for (const auto end = now + time; schedule.next_poll_at() < end && begun < 5'000;) {
            now = std::max(now, schedule.next_poll_at());
            (void)poll(summary);
        }
        return begun;
    }
    [[nodiscard]] Milliseconds until_next() const { return in_ms(schedule.next_poll_at() - now); }

    /// Trouble again and again, every millisecond, with polls and looks as they are due.
    std::vector<BroughtWhen> troubles(bool of_leader, Clock::duration time) {
        std::vector<BroughtWhen> brought;
        for (const auto start = now; now < start + time; now += 1ms) {
            const auto since = in_ms(now - start);
            if (now >= schedule.next_poll_at()) {
                (void)poll(kCalm);
                brought.emplace_back(Brought::poll, since);
            }
            if (schedule.trouble(kEnded, of_leader, now))
                brought.emplace_back(Brought::alert, since);
            if (schedule.take_leader_check(now))
                brought.emplace_back(Brought::look, since);
        }
        return brought;
    }

    PollSchedule schedule;
    Clock::time_point now{1h};
    int begun = 0;  ///< polls
};

}  // namespace patroni::schedule_tests
