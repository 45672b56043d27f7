#include "patroni/schedule/poll_schedule.h"

#include <utility>

namespace patroni {
namespace {

// Many proxies that one rollout has started must not stay in step: a gap is longer or shorter by up
// to one part in this many.
constexpr int kJitterParts = 20;

constexpr std::chrono::milliseconds kAlertGap{200};
// Without a leader somebody takes the lock any moment: 200 ms were most of what held clients waited
// longer than the failover took (p95 of 0.117 s; 0.040 s at 100 ms). And while the leader's own API
// is silent its lock may run out while its PostgreSQL goes on taking writes: at 200 ms, 3 rows in 3
// kills of Patroni alone went to the old primary up to 30 ms after the first row of the new one.
constexpr std::chrono::milliseconds kFastGap{100};
// Not for longer, and not for any doubt: 200 watchers at 100 ms all along turned a switchover of
// 1.45 s into one of 1.85 s.
constexpr std::chrono::seconds kFastTime{5};
// An API may spend one part in this many of its time on each of us.
constexpr int kApiParts = 20;
// But an election is what makes answers slow: two answers of 43 ms cost 0.87 s just as the lock was
// taken.
constexpr std::chrono::milliseconds kLongestFastGap{300};
// What lasts for minutes, such as an outage of the key-value store, is polled less and less: after
// five minutes (300 s) once a second.
constexpr int kAlertAgeParts = 300;

constexpr std::chrono::seconds kCalmPatience{1};

// The clocks may differ; and Patroni may go on naming a switchover that it has given up.
constexpr std::chrono::seconds kBeforeSwitchover{2};
constexpr std::chrono::seconds kAfterSwitchover{60};

// A PostgreSQL that shuts down ends its sessions up to half a second before its Patroni says so.
constexpr std::chrono::seconds kTroubleAlert{1};
constexpr std::chrono::seconds kLongestLeaderBackoff{1};
constexpr std::chrono::seconds kLongestOthersBackoff{4};

// A leader is silent if it takes this long, and several times as long as its last answer: a leader
// that hundreds of proxies keep busy must not have all of them ask more.
constexpr std::chrono::milliseconds kSilentAfter{150};
constexpr int kSilentAfterAnswers = 4;

/// Until a planned switchover is near; zero or less while it is, and never if none is.
Clock::duration until_switchover(const PollSchedule::PollSummary& summary) {
    const auto at = summary.switchover_at;
    const auto now = summary.wall_clock;
    if (!at || now >= *at + kAfterSwitchover)
        return Clock::duration::max();
    return *at - kBeforeSwitchover - now;
}

std::array<TroubleBackoff, 3> new_backoffs() {
    return {TroubleBackoff(kLongestLeaderBackoff), TroubleBackoff(kLongestLeaderBackoff),
            TroubleBackoff(kLongestOthersBackoff)};
}

}  // namespace

PollSchedule::PollSchedule(Clock::duration interval, Chance chance)
    : interval_(interval),
      chance_(std::move(chance)),
      min_gap_(kApiParts),
      backoffs_(new_backoffs()) {}

void PollSchedule::restart(Clock::duration interval, Clock::time_point now) {
    interval_ = interval;
    next_poll_at_ = now;
}

void PollSchedule::poll_began(Clock::time_point now) {
    last_poll_at_ = now;
    if (now >= backoffs_[others].check_due_at())
        backoffs_[others].lengthen(now);
    backoffs_[others].clear_reports();
}

void PollSchedule::poll_ended(const PollSummary& summary) {
    const auto min_gap = min_gap_.after(summary.answer_took);
    const auto until_alert = until_switchover(summary);
    const bool is_calm = !summary.expects_change && !silence_.is_on &&
                         last_poll_at_ >= alert_until_ && until_alert > Clock::duration::zero();
    if (is_calm) {
        alert_.reset();
        next_poll_at_ = last_poll_at_ + std::min(jittered(interval_), until_alert);
        return;
    }
    if (!alert_)
        alert_ = Alert{last_poll_at_};
    if (!summary.leaderless)
        alert_->leaderless_since.reset();
    else if (!alert_->leaderless_since)
        alert_->leaderless_since = last_poll_at_;
    const auto gap = alert_gap(summary, min_gap);
    next_poll_at_ = last_poll_at_ + std::min(jittered(gap), jittered(interval_));
}

Clock::duration PollSchedule::alert_gap(const PollSummary& summary, Clock::duration min_gap) {
    const auto& leaderless_since = alert_->leaderless_since;
    const auto age = last_poll_at_ - alert_->since;
    Clock::duration gap = min_gap;
    if (leaderless_since && last_poll_at_ - *leaderless_since < kFastTime)
        gap = std::clamp<Clock::duration>(min_gap, kFastGap, kLongestFastGap);
    else
        gap = std::max<Clock::duration>(min_gap, summary.leader_is_silent ? kFastGap : kAlertGap);
    return std::max<Clock::duration>(gap, age / kAlertAgeParts);
}

Clock::duration PollSchedule::patience(bool someone_waits) const {
    return alert_ && !someone_waits ? Clock::duration(kAlertGap) : kCalmPatience;
}

void PollSchedule::leader_changed() {
    alert_.reset();  // the next poll starts a new one if there is reason to
    backoffs_ = new_backoffs();
    silence_ = {};
}

void PollSchedule::doubt(Clock::time_point now) {
    if (!alert_)
        start_alert(now);
}

void PollSchedule::want_poll() {
    bring_forward(last_poll_at_ + kFastGap);
}

bool PollSchedule::trouble(Trouble trouble, bool of_leader, Clock::time_point now) {
    const auto with_leader = trouble == Trouble::refused ? leader_refuses : leader_ends;
    TroubleBackoff& backoff = backoffs_[of_leader ? with_leader : others];
    const bool is_first = backoff.report(now);
    if (is_first) {
        alert_until_ = now + kTroubleAlert;
        start_alert(now);
    } else if (!of_leader) {
        bring_forward(std::max(last_poll_at_ + kAlertGap, backoff.check_due_at()));
    }
    return is_first;
}

bool PollSchedule::take_leader_check(Clock::time_point now) {
    if (now >= silence_.begins_at) {
        silence_.begins_at = Clock::time_point::max();
        silence_.is_on = true;
        doubt(now);
    }
    if (now < next_leader_check_at())
        return false;
    // One check answers both kinds.
    backoffs_[leader_ends].lengthen(now);
    backoffs_[leader_refuses].lengthen(now);
    return true;
}

Clock::time_point PollSchedule::next_leader_check_at() const noexcept {
    return std::min({backoffs_[leader_ends].check_due_at(),
                     backoffs_[leader_refuses].check_due_at(), silence_.begins_at});
}

bool PollSchedule::take_positions(Clock::time_point now) {
    if (alert_ && now - positions_asked_at_ < interval_)
        return false;
    positions_asked_at_ = now;
    return true;
}

Clock::duration PollSchedule::jittered(Clock::duration gap) const {
    const auto most = gap.count() / kJitterParts;
    return gap + Clock::duration(chance_(-most, most));
}

void PollSchedule::start_alert(Clock::time_point now) {
    if (!alert_)
        alert_ = Alert{now};
    bring_forward(last_poll_at_ + kAlertGap);
}

void PollSchedule::bring_forward(Clock::time_point to) noexcept {
    next_poll_at_ = std::min(next_poll_at_, to);
}

void PollSchedule::Silence::asked(Clock::time_point now) {
    begins_at = now + std::max<Clock::duration>(kSilentAfter, kSilentAfterAnswers * last_took);
}

void PollSchedule::Silence::answered(std::optional<Clock::duration> took) {
    begins_at = Clock::time_point::max();
    is_on = false;
    last_took = took.value_or(last_took);
}

}  // namespace patroni
