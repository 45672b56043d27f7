#include "net/loop/timer.h"

#include <algorithm>
#include <limits>

namespace net {

int TimerQueue::milliseconds_to_next() const {
    if (armed_.empty())
        return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(armed_.begin()->first - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max()));
}

void TimerQueue::fire_due() {
    if (armed_.empty())
        return;
    // A timer armed by a callback is due later and waits for the next call.
    const auto now = Clock::now();
    while (!armed_.empty() && armed_.begin()->first <= now) {
        Timer* const timer = armed_.begin()->second;
        timer->cancel();
        timer->callback_();
    }
}

Timer::Timer(TimerQueue& queue, std::function<void()> callback)
    : queue_(queue), callback_(std::move(callback)) {}

void Timer::arm(TimerQueue::Clock::duration delay) {
    cancel();
    due_ = TimerQueue::Clock::now() + delay;
    queue_.armed_.emplace(due_, this);
    armed_ = true;
}

void Timer::cancel() {
    if (armed_)
        queue_.armed_.erase({due_, this});
    armed_ = false;
}

std::optional<std::chrono::milliseconds> Timer::left() const {
    if (!armed_)
        return std::nullopt;
    const auto left = std::max(due_ - TimerQueue::Clock::now(), TimerQueue::Clock::duration{0});
    return std::chrono::ceil<std::chrono::milliseconds>(left);
}

}  // namespace net
