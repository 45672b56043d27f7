#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

#include "patroni/answers/observation.h"

namespace patroni {

/// The minimum gap between two requests to one API: the slower it answers, the less it is asked, so
/// that hundreds of proxies cannot keep it busy. A value.
class MinGap {
  public:
    /// An answer that is slow by chance must not delay a failover by more than this (a single slow
    /// answer once put the next poll off by a whole interval: a clean stop was followed 0.9 s
    /// late).
    static constexpr std::chrono::seconds kLongest{1};

    /// The API may spend one part in `parts` of its time on us.
    explicit MinGap(int parts) : parts_(parts) {}

    /// The gap after an answer that took this long. The faster one of the last two answers counts:
    /// one slow answer changes nothing.
    [[nodiscard]] Clock::duration after(Clock::duration took) noexcept {
        const auto last = std::exchange(last_took_, took);
        const auto faster = last == Clock::duration::zero() ? took : std::min(last, took);
        return std::min<Clock::duration>(faster * parts_, kLongest);
    }

  private:
    int parts_;
    Clock::duration last_took_{0};  ///< 0: there was no answer
};

}  // namespace patroni
