#include "patroni_proxy/port/held_sessions.h"

#include "patroni_proxy/backend/backend_picker.h"

namespace proxy {
namespace {

constexpr std::chrono::milliseconds kTryInterval = kRateWindow;
// Connecting takes some 20 us: with this many, the loop's other sessions wait a millisecond or two.
constexpr int kClientsPerTurn = 64;
constexpr std::chrono::milliseconds kNextTurn{1};

}  // namespace

std::optional<SessionEnd> refusal_of(const UnservedClient& client, const PortSettings& settings) {
    if (!client.queued && !lets_wait(settings, client.now))
        return SessionEnd::no_backend;
    if (client.now >= waits_until(settings, client.accepted_at))
        return SessionEnd::queue_timeout;
    if (!client.queued && client.others >= settings.max_queued)
        return SessionEnd::queue_full;
    return std::nullopt;
}

HeldSessions::HeldSessions(net::EventLoop& loop, Port& port, const ProcessSessions& process,
                           std::size_t worker, PortSettingsPtr settings)
    : port_(port),
      process_(process),
      worker_(worker),
      settings_(std::move(settings)),
      turn_timer_(loop.timers(), [this] { let_try(); }),
      deadline_timer_(loop.timers(), [this] { end_overdue(); }) {}

HeldSessions::~HeldSessions() {
    for (const auto& [accepted_at, entry] : waiting_)
        port_.order.remove(accepted_at, worker_);
}

void HeldSessions::use(PortSettingsPtr settings) {
    settings_ = std::move(settings);
    arm_deadline();
    try_soon();
}

std::optional<SessionEnd> HeldSessions::hold(QueueEntry& entry) {
    const bool queued = entry.place != QueueEntry::Place::none;
    const auto now = Clock::now();
    const bool counted = !queued && lets_wait(*settings_, now);
    // Each gets a number of its own, so that of two clients at the limit one is held.
    const auto others = counted ? port_.queued.fetch_add(1, std::memory_order_relaxed) : 0;
    if (const auto refusal =
            refusal_of(UnservedClient{entry.accepted_at, now, queued, others}, *settings_)) {
        if (counted)
            port_.queued.fetch_sub(1, std::memory_order_relaxed);
        return refusal;
    }
    if (!queued)
        entry.queued_at = now;
    entry.place = QueueEntry::Place::waiting;
    if (waiting_.emplace(entry.accepted_at, &entry).second)
        port_.order.add(entry.accepted_at, worker_);
    queue_.emplace(entry.accepted_at, &entry);
    if (queue_.begin()->second == &entry)
        arm_deadline();
    if (!turn_timer_.armed())
        turn_timer_.arm(kTryInterval);
    return std::nullopt;
}

void HeldSessions::try_soon() {
    if (!waiting_.empty())
        turn_timer_.arm({});
}

void HeldSessions::on_place_freed() {
    if (!leaves_turn_to_another_worker())
        try_soon();
}

bool HeldSessions::anyone_waits() const noexcept {
    return !waiting_.empty() ||
           (port_.queued.load(std::memory_order_relaxed) != 0 && may_lack_places());
}

/// A limit counts before it is reached: after a failover, all workers let their clients try at
/// once.
bool HeldSessions::may_lack_places() const noexcept {
    return settings_->max_connections != 0 || settings_->max_connections_per_backend != 0 ||
           settings_->max_connect_rate != 0 ||
           process_.max_places.load(std::memory_order_relaxed) != 0 ||
           port_.shortage.load(std::memory_order_relaxed) != Shortage::none;
}

/// While there are places for all, workers do not wait for each other's clients.
bool HeldSessions::leaves_turn_to_another_worker() {
    if (!may_lack_places())
        return false;
    const auto first = port_.order.first();
    if (!first || *first == worker_)
        return false;
    port_.wake(*first);
    return true;
}

void HeldSessions::stop_waiting(QueueEntry& entry) {
    if (waiting_.erase({entry.accepted_at, &entry}) != 0)
        port_.order.remove(entry.accepted_at, worker_);
}

std::optional<HeldSessions::Clock::duration> HeldSessions::leave(QueueEntry& entry) {
    if (entry.place == QueueEntry::Place::none)
        return std::nullopt;
    entry.place = QueueEntry::Place::none;
    stop_waiting(entry);
    queue_.erase({entry.accepted_at, &entry});
    if (port_.queued.fetch_sub(1, std::memory_order_relaxed) == 1)
        port_.shortage.store(Shortage::none, std::memory_order_relaxed);
    return Clock::now() - entry.queued_at;
}

std::optional<HeldSessions::Clock::time_point> HeldSessions::oldest() const {
    return queue_.empty() ? std::nullopt : std::optional(queue_.begin()->first);
}

void HeldSessions::let_try() {
    if (settings_->held)
        return;  // the release comes with other settings
    bool found_one = true;
    for (int i = 0; i < kClientsPerTurn && found_one && !waiting_.empty(); ++i) {
        found_one = !leaves_turn_to_another_worker();
        if (!found_one)
            break;
        QueueEntry& entry = *waiting_.begin()->second;
        entry.place = QueueEntry::Place::trying;
        found_one = entry.try_again();
        // Not before it has its place: another worker would take its own client for the first.
        if (entry.place == QueueEntry::Place::trying)
            stop_waiting(entry);
    }
    if (!waiting_.empty())
        turn_timer_.arm(found_one ? kNextTurn : kTryInterval);
}

/// Not rearmed when the first leaves before its time: then the timer finds nothing to do.
void HeldSessions::arm_deadline() {
    deadline_timer_.cancel();
    if (queue_.empty())
        return;
    if (const auto deadline = waits_until(*settings_, queue_.begin()->first);
        deadline != Clock::time_point::max())
        deadline_timer_.arm(deadline - Clock::now());
}

void HeldSessions::end_overdue() {
    const auto now = Clock::now();
    // An entry that gives up leaves the queue.
    while (!queue_.empty() && waits_until(*settings_, queue_.begin()->first) <= now)
        queue_.begin()->second->give_up(SessionEnd::queue_timeout);
    arm_deadline();
}

}  // namespace proxy
