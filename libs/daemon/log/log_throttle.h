#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace daemons {

/// Throttles an event that may repeat thousands of times a second: passes the first, and then one
/// in ten seconds with the number of those before it. One thread at a time.
class LogThrottle {
  public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::seconds kPause{10};

    /// Nothing if this event is not to be logged; else what to add to the line: "" or
    /// " (and 17 before it)".
    [[nodiscard]] std::optional<std::string> pass(Clock::time_point now) {
        if (next_ && now < *next_) {
            ++untold_;
            return std::nullopt;
        }
        next_ = now + kPause;
        const auto untold = untold_;
        untold_ = 0;
        return untold == 0 ? std::string{} : " (and " + std::to_string(untold) + " before it)";
    }

  private:
    std::optional<Clock::time_point> next_;
    std::uint64_t untold_ = 0;
};

}  // namespace daemons
