#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <set>
#include <utility>

#include "base/mutex.h"

namespace proxy {

/// The clients that wait on one port, over all workers, in the order of their accept. Each worker
/// has a queue of its own; while there are too few places, this says whose turn it is.
/// Any thread. Touched only for clients that wait, never on the data path.
class QueueOrder {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    void add(TimePoint accepted_at, std::size_t worker) {
        const base::MutexLock lock(mutex_);
        waiting_.emplace(accepted_at, worker);
    }
    void remove(TimePoint accepted_at, std::size_t worker) {
        const base::MutexLock lock(mutex_);
        if (const auto found = waiting_.find({accepted_at, worker}); found != waiting_.end())
            waiting_.erase(found);
    }
    /// The worker of the client that came first; nothing if nobody waits.
    [[nodiscard]] std::optional<std::size_t> first() const {
        const base::MutexLock lock(mutex_);
        return waiting_.empty() ? std::nullopt : std::optional(waiting_.begin()->second);
    }

  private:
    mutable base::Mutex mutex_;
    std::multiset<std::pair<TimePoint, std::size_t>> waiting_ GUARDED_BY(mutex_);
};

}  // namespace proxy
