#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "patroni_proxy/host/port_settings.h"
#include "patroni_proxy/host/queue_entry.h"
#include "patroni_proxy/host/session_end.h"
#include "patroni_proxy/port/port.h"

namespace proxy {

/// A client for which no backend was found.
struct UnservedClient {
    std::chrono::steady_clock::time_point accepted_at;
    std::chrono::steady_clock::time_point now;
    bool queued;           ///< it is in the queue already
    std::uint64_t others;  ///< queued on its port, on all workers
};

/// Why the client is refused; nothing if it is held until there is a backend. Pure.
[[nodiscard]] std::optional<SessionEnd> refusal_of(const UnservedClient& client,
                                                   const PortSettings& settings);

/// The queue of one port on one worker: sessions that found no backend, first come, first served by
/// the time of their accept.
///
/// They try again when a backend may have become available, and every 20 ms, for that may have
/// happened on another worker: some at each turn of the loop, until one of them finds no backend,
/// for those behind it would find none either. While there may be too few places, only the client
/// that came first to any worker tries. While an operator holds the port, nobody tries.
/// Loop thread only. Borrows the entries and what the constructor is given.
class HeldSessions {
  public:
    using Clock = std::chrono::steady_clock;

    /// `worker`: the number that Port::wake() knows it by.
    HeldSessions(net::EventLoop& loop, Port& port, const ProcessSessions& process,
                 std::size_t worker, PortSettingsPtr settings);
    HeldSessions(const HeldSessions&) = delete;
    HeldSessions& operator=(const HeldSessions&) = delete;
    ~HeldSessions();

    /// Applies to held sessions too: their time still counts from their accept.
    void use(PortSettingsPtr settings);
    /// Gives the session a place, or its old one back; the reason if it is refused instead.
    [[nodiscard]] std::optional<SessionEnd> hold(QueueEntry& entry);
    /// There may be a backend now: the first session tries soon, but never from within this call.
    void try_soon();
    /// A place has become free: whoever came first, on any worker, tries soon.
    void on_place_freed();
    /// The session was served or has given up. How long it was held; nothing if it was not.
    std::optional<Clock::duration> leave(QueueEntry& entry);
    /// When the client that has been held longest was accepted.
    [[nodiscard]] std::optional<Clock::time_point> oldest() const;

    [[nodiscard]] bool empty() const noexcept { return queue_.empty(); }
    /// Whether a client that comes now is behind others, on this worker or, if there may be too few
    /// places, on another one.
    [[nodiscard]] bool anyone_waits() const noexcept;

  private:
    /// By the time of the accept, from which each has the same time to wait.
    using Queue = std::set<std::pair<Clock::time_point, QueueEntry*>>;

    void let_try();
    [[nodiscard]] bool may_lack_places() const noexcept;
    [[nodiscard]] bool leaves_turn_to_another_worker();
    void stop_waiting(QueueEntry& entry);
    void arm_deadline();
    void end_overdue();

    Port& port_;
    const ProcessSessions& process_;
    const std::size_t worker_;
    PortSettingsPtr settings_;
    Queue queue_;
    Queue waiting_;  ///< those of the queue that are not trying at the moment
    net::Timer turn_timer_;
    net::Timer deadline_timer_;  ///< of the first of the queue
};

}  // namespace proxy
