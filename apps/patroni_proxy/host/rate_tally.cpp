#include "patroni_proxy/host/rate_tally.h"

#include <algorithm>
#include <utility>

namespace proxy {
namespace {

std::int64_t second_of(RateTally::Clock::time_point time) {
    return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

}  // namespace

void RateTally::advance_to(std::int64_t second) noexcept {
    if (second <= second_)
        return;
    before_ = second == second_ + 1 ? now_ : 0;
    now_ = 0;
    second_ = second;
}

void RateTally::count(Clock::time_point now) noexcept {
    advance_to(second_of(now));
    most_ = std::max(most_, ++now_);
}

double RateTally::per_second(Clock::time_point now) const noexcept {
    RateTally current = *this;
    current.advance_to(second_of(now));
    const std::chrono::duration<double> into = now - std::chrono::floor<std::chrono::seconds>(now);
    return static_cast<double>(current.now_) +
           static_cast<double>(current.before_) * (1 - into.count());
}

void RateTally::add(RateTally other) noexcept {
    const std::int64_t latest = std::max(second_, other.second_);
    advance_to(latest);
    other.advance_to(latest);
    now_ += other.now_;
    before_ += other.before_;
    most_ += other.most_;
}

}  // namespace proxy
