#pragma once

#include <chrono>
#include <string>

#include "patroni/answers/observation.h"
#include "patroni/schedule/min_gap.h"

namespace patroni {

/// When the candidate is asked between polls whether it is promoted: the member that holds the lock
/// but does not serve as primary yet. Sessions wait for nothing else, so it is asked every 50 ms,
/// less often if its answers are slow, for five seconds at most. No clock. Not thread-safe; a
/// value.
class CandidateChecks {
  public:
    /// Whether `candidate` (empty: nobody) is to be asked now; if so, it counts as asked. Call it
    /// whenever the candidate may have changed, and at next_at().
    [[nodiscard]] bool take(const std::string& candidate, Clock::time_point now);
    [[nodiscard]] Clock::time_point next_at() const noexcept { return next_at_; }
    /// Ignored unless `member` is the candidate.
    void answered(const std::string& member, Clock::duration took);

  private:
    /// A candidate may spend more of its time on us than others, but not all of it on a crowd of
    /// us: when each of 200 watchers asked it again at once, a switchover of 1.45 s took 1.85 s.
    static constexpr int kParts = 5;

    std::string candidate_;
    Clock::time_point since_;
    Clock::time_point asked_at_;
    Clock::time_point next_at_ = Clock::time_point::max();
    MinGap min_gap_{kParts};
};

}  // namespace patroni
