#include "patroni/watch/poll_schedule.h"

#include <algorithm>
#include <utility>

namespace patroni {
namespace {

// Many proxies started by one rollout must not go on asking in step: each time is this part of
// itself earlier or later at most.
constexpr int kJitterPart = 20;

// In alert rounds follow each other this soon. Sooner in the first seconds in which nobody leads by
// /cluster, for most elections take no longer, and while a leader's own API is silent: its
// PostgreSQL may take writes beside the next primary. But so much less often that an API spends no
// more than a twentieth of its time on one of us: hundreds of proxies must not slow an election
// down.
constexpr std::chrono::milliseconds kHurry{200};
constexpr std::chrono::milliseconds kSprint{100};
constexpr std::chrono::seconds kSprintTime{5};
constexpr int kRestPerWork = 20;
// But answers that were slow by chance must not cost seconds, and less while nobody leads: an
// election is what makes them slow.
constexpr std::chrono::seconds kLongestRest{1};
constexpr std::chrono::milliseconds kLongestSprintRest{300};
// What is not over after minutes, as an outage of the key-value store, is asked for ever less:
// after five minutes every second.
constexpr int kAlertGrowth = 300;

// Outside alert nobody waits for an answer, and one that is slow is still an answer.
constexpr std::chrono::seconds kNextHostAfter{1};
constexpr std::chrono::seconds kMembersWait{1};

// A switchover that is planned is looked out for from this long before its time, for the clocks may
// differ, until Patroni names it no more or should have been done with it long since.
constexpr std::chrono::seconds kBeforeSwitchover{2};
constexpr std::chrono::seconds kAfterSwitchover{60};

// Whoever holds the lock is promoted within a second or two, and sessions wait for nothing else. So
// its API may spend more of its time on us, but not all of it on a crowd of us.
constexpr std::chrono::milliseconds kCandidatePace{50};
constexpr int kCandidateRestPerWork = 5;
constexpr std::chrono::seconds kCandidateTime{5};

// A PostgreSQL that is shut down ends its sessions up to half a second before its Patroni says so.
constexpr std::chrono::seconds kTroubleTime{1};
// A leader's API that is about to end takes connections no more: a request hangs. By many times
// what it took the last time that is no chance.
constexpr std::chrono::milliseconds kSilence{150};
constexpr int kSilencePerAnswer = 4;

// How long trouble of which nothing came lately is not heard at most.
constexpr Clock::duration kDeafToLeader = std::chrono::seconds{1};
constexpr Clock::duration kDeafToOthers = std::chrono::seconds{4};
constexpr std::chrono::seconds kForgiveAfter{10};

/// Until a switchover that is planned is near; at most nothing while it is, for ever if none is
/// looked out for.
Clock::duration until_switchover_is_near(const PollSchedule::Outlook& outlook) {
    const auto at = outlook.switchover_at;
    const auto now = outlook.wall_clock;
    if (!at || now >= *at + kAfterSwitchover)
        return Clock::duration::max();
    return *at - kBeforeSwitchover - now;
}

}  // namespace

PollSchedule::PollSchedule(Clock::duration interval, Chance chance)
    : interval_(interval), chance_(std::move(chance)) {}

void PollSchedule::restart(Clock::duration interval, Clock::time_point now) {
    interval_ = interval;
    next_round_at_ = now;
}

void PollSchedule::round_began(Clock::time_point now) {
    last_round_at_ = now;
    if (std::exchange(others_wait_, false) && now >= to_others_.until)
        to_others_.lengthen(kDeafToOthers, now);
}

void PollSchedule::round_ended(const Outlook& outlook) {
    const auto rest = rest_.after(outlook.answer_took, kRestPerWork);
    const auto quiet_for = until_switchover_is_near(outlook);
    const bool is_troubled = last_round_at_ < troubled_until_;
    if (!outlook.expects_news && !is_silent_ && !is_troubled &&
        quiet_for > Clock::duration::zero()) {
        alert_since_.reset();
        leaderless_since_.reset();
        next_round_at_ = last_round_at_ + std::min(jittered(interval_), quiet_for);
        return;
    }
    if (!alert_since_)
        alert_since_ = last_round_at_;
    if (!outlook.leaderless)
        leaderless_since_.reset();
    else if (!leaderless_since_)
        leaderless_since_ = last_round_at_;
    const auto age = last_round_at_ - *alert_since_;
    const bool sprints = leaderless_since_ && last_round_at_ - *leaderless_since_ < kSprintTime;
    const auto soonest =
        sprints ? std::clamp<Clock::duration>(rest, kSprint, kLongestSprintRest)
                : std::max<Clock::duration>(rest, outlook.by_hearsay ? kSprint : kHurry);
    const auto pace = std::max<Clock::duration>(soonest, age / kAlertGrowth);
    next_round_at_ = last_round_at_ + std::min(jittered(pace), jittered(interval_));
}

Clock::duration PollSchedule::next_host_after() const {
    return in_alert() ? Clock::duration(kHurry) : kNextHostAfter;
}

Clock::duration PollSchedule::members_wait(bool is_awaited) const {
    // In alert nobody waits for a leader that is gone.
    return in_alert() && !is_awaited ? kHurry : kMembersWait;
}

void PollSchedule::leader_changed() {
    alert_since_.reset();
    leaderless_since_.reset();
    to_ends_ = to_refusals_ = to_others_ = {};
    others_wait_ = false;
    next_look_at_ = silent_at_ = Clock::time_point::max();
    is_silent_ = false;
    leader_took_ = {};
}

void PollSchedule::doubt(Clock::time_point now) {
    if (!in_alert())
        hurry(now);
}

void PollSchedule::want_round() {
    next_round_at_ = std::min(next_round_at_, last_round_at_ + kSprint);
}

/// Sessions that end are no news where it happens all the time and nothing comes of it, as behind a
/// pooler that closes first: then one look is enough, now and then.
bool PollSchedule::trouble(Trouble trouble, bool of_leader, Clock::time_point now) {
    Deafness& to_leader = trouble == Trouble::refused ? to_refusals_ : to_ends_;
    Deafness& deaf = of_leader ? to_leader : to_others_;
    const bool is_news = deaf.time == Clock::duration::zero() || now >= deaf.last + kForgiveAfter;
    deaf.last = now;
    if (is_news) {
        deaf = {.time = kHurry, .until = now + kHurry, .last = now};
        troubled_until_ = now + kTroubleTime;
        hurry(now);
    } else if (of_leader) {
        next_look_at_ = std::min(next_look_at_, std::max(now, deaf.until));
    } else {
        others_wait_ = true;
        next_round_at_ = std::min(next_round_at_, std::max(last_round_at_ + kHurry, deaf.until));
    }
    return is_news;
}

bool PollSchedule::take_look(Clock::time_point now) {
    if (now >= silent_at_) {
        silent_at_ = Clock::time_point::max();
        is_silent_ = true;
        doubt(now);
    }
    if (now < next_look_at_)
        return false;
    next_look_at_ = Clock::time_point::max();
    for (Deafness* deaf : {&to_ends_, &to_refusals_})
        if (deaf->time != Clock::duration::zero())
            deaf->lengthen(kDeafToLeader, now);
    return true;
}

void PollSchedule::leader_asked(Clock::time_point now) {
    silent_at_ = now + std::max<Clock::duration>(kSilence, kSilencePerAnswer * leader_took_);
}

void PollSchedule::leader_answered(std::optional<Clock::duration> took) {
    leader_took_ = took.value_or(leader_took_);
    silent_at_ = Clock::time_point::max();
    is_silent_ = false;
}

void PollSchedule::Deafness::lengthen(Clock::duration longest, Clock::time_point now) noexcept {
    time = std::min(2 * time + kHurry, longest);
    until = now + time;
}

Clock::duration PollSchedule::Rest::after(Clock::duration took, int per_work) noexcept {
    const auto last = std::exchange(last_took, took);
    const auto shorter = last == Clock::duration::zero() ? took : std::min(last, took);
    return std::min<Clock::duration>(shorter * per_work, kLongestRest);
}

bool PollSchedule::take_candidate(const std::string& candidate, Clock::time_point now) {
    if (candidate != candidate_) {
        candidate_ = candidate;
        candidate_since_ = candidate_asked_at_ = now;
        candidate_rest_ = {};
        next_candidate_at_ = now + kCandidatePace;
    }
    if (candidate_.empty() || now - candidate_since_ >= kCandidateTime) {
        next_candidate_at_ = Clock::time_point::max();
        return false;
    }
    if (now < next_candidate_at_)
        return false;
    candidate_asked_at_ = now;
    next_candidate_at_ = now + kCandidatePace;
    return true;
}

void PollSchedule::candidate_answered(const std::string& member, Clock::duration took) {
    if (member == candidate_)
        next_candidate_at_ =
            candidate_asked_at_ +
            std::max<Clock::duration>(kCandidatePace,
                                      candidate_rest_.after(took, kCandidateRestPerWork));
}

bool PollSchedule::take_positions(Clock::time_point now) {
    if (in_alert() && now - positions_asked_at_ < interval_)
        return false;
    positions_asked_at_ = now;
    return true;
}

Clock::duration PollSchedule::jittered(Clock::duration pace) const {
    const auto most = pace.count() / kJitterPart;
    return pace + Clock::duration(chance_(-most, most));
}

void PollSchedule::hurry(Clock::time_point now) {
    if (!in_alert())
        alert_since_ = now;
    next_round_at_ = std::min(next_round_at_, last_round_at_ + kHurry);
}

}  // namespace patroni
