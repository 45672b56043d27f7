#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "patroni_proxy/port/port.h"
#include "patroni_proxy/session/session_end.h"

namespace proxy {

class Session;

/// Where a session stands in the queue of its port.
enum class Place : std::uint8_t {
    none,     ///< it never was in it, or has left it
    waiting,  ///< for its turn to try
    trying,   ///< to connect; its place is kept until it has
};

/// What is known of a client that found no backend.
struct Unserved {
    std::chrono::steady_clock::duration waited;  ///< since it was accepted
    bool queued;                                 ///< it has its place already: a further try failed
    std::uint64_t others;                        ///< queued on its port, on all workers
};

/// Why it is refused; nothing if it is held until there is a backend. Pure.
[[nodiscard]] std::optional<SessionEnd> refusal_of(const Unserved& client,
                                                   const PortSettings& settings);

/// The queue of one port on one worker: sessions that found no backend, first come first served by
/// the time of their accept.
///
/// They try when there is a chance, and every 20 ms, for one may have become free on another
/// worker: some at every turn of the loop, until one of them finds no backend, for those behind it
/// would find none either.
/// Loop thread only. Borrows the sessions and what the constructor is given.
class HeldSessions {
  public:
    HeldSessions(net::EventLoop& loop, Port& port, PortSettingsPtr settings);
    HeldSessions(const HeldSessions&) = delete;
    HeldSessions& operator=(const HeldSessions&) = delete;

    /// For those who are held too: their time counts anew, from their accept.
    void use(PortSettingsPtr settings);
    /// Gives it a place, or its old one back, where it is to be held.
    [[nodiscard]] std::optional<SessionEnd> hold(Session& session);
    /// There may be a backend now: the first tries soon, but never from within this call.
    void on_chance();
    /// It got through or has given up; nothing if it has no place.
    void leave(Session& session);

    [[nodiscard]] bool empty() const noexcept { return queue_.empty(); }
    [[nodiscard]] bool anyone_waits() const noexcept { return !waiting_.empty(); }

  private:
    using Clock = std::chrono::steady_clock;
    /// By the time of their accept; each has its end of the wait as long after that.
    using Queue = std::set<std::pair<Clock::time_point, Session*>>;

    void let_try();
    void arm_deadline();
    void end_overdue();

    Port& port_;
    PortSettingsPtr settings_;
    Queue queue_;
    Queue waiting_;  ///< those of the queue that do not try at the moment
    net::Timer turn_timer_;
    net::Timer deadline_timer_;  ///< of the first of the queue
};

}  // namespace proxy
