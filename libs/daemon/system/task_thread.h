#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <stop_token>
#include <thread>

#include "base/mutex.h"

namespace daemons {

/// Runs tasks one after the other on a thread of its own: work that would keep a loop busy for
/// longer than its other work may wait. Where all cores are busy, other threads go first (nice 10).
class TaskThread {
  public:
    /// Must not throw.
    using Task = std::function<void()>;

    /// `name` is shown by `top -H`; at most 15 characters.
    explicit TaskThread(const char* name);
    TaskThread(const TaskThread&) = delete;
    TaskThread& operator=(const TaskThread&) = delete;
    /// Waits for the task under way and drops those that have not begun.
    ~TaskThread() = default;

    /// Any thread.
    void post(Task task);

  private:
    void run(const std::stop_token& stop);

    base::Mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<Task> tasks_ GUARDED_BY(mutex_);
    std::jthread thread_;  // last: it uses the others until it is joined
};

}  // namespace daemons
