#pragma once

#include <chrono>
#include <cstdint>

namespace proxy {

/// How often something happens per second, and how often at most. Loop thread only; copies may be
/// read elsewhere.
class RateTally {
  public:
    using Clock = std::chrono::steady_clock;

    void count(Clock::time_point now) noexcept;
    /// In the second that ends now: all of this one, and that part of the one before that is less
    /// than a second ago, as if it had been even.
    [[nodiscard]] double per_second(Clock::time_point now) const noexcept;
    /// Most in a second of the clock. Of several workers it is the sum of what each had at most.
    [[nodiscard]] std::uint64_t most() const noexcept { return most_; }
    void add(RateTally other) noexcept;
    /// Another process counted so many in a second.
    void had(std::uint64_t most) noexcept { most_ = most; }

  private:
    void advance_to(std::int64_t second) noexcept;

    std::int64_t second_ = 0;
    std::uint64_t now_ = 0;
    std::uint64_t before_ = 0;
    std::uint64_t most_ = 0;
};

}  // namespace proxy
