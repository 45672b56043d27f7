#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <utility>

namespace net {

class Timer;

/// The armed timers of one loop, soonest first. Loop thread only.
class TimerQueue {
  public:
    using Clock = std::chrono::steady_clock;

    /// Milliseconds until the next timer is due, rounded up, as epoll_wait takes them: -1 if none.
    [[nodiscard]] int milliseconds_to_next() const;
    /// Fires the timers that are due. A callback may arm or cancel any timer, including its own.
    void fire_due();

  private:
    friend class Timer;
    std::set<std::pair<Clock::time_point, Timer*>> armed_;
};

/// Calls its owner back once, after a delay. Loop thread only. Destruction cancels it.
class Timer {
  public:
    Timer(TimerQueue& queue, std::function<void()> callback);
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() { cancel(); }

    void arm(TimerQueue::Clock::duration delay);
    void cancel();
    [[nodiscard]] bool armed() const noexcept { return armed_; }
    /// Until it fires, at least 0; nothing if it is not armed.
    [[nodiscard]] std::optional<std::chrono::milliseconds> left() const;

  private:
    friend class TimerQueue;

    TimerQueue& queue_;
    std::function<void()> callback_;
    TimerQueue::Clock::time_point due_;
    bool armed_ = false;
};

}  // namespace net
