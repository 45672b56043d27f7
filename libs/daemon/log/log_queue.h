#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "daemon/log/log.h"
#include "daemon/log/log_target.h"

namespace daemons::log {

/// A span of time in which repeated lines are counted instead of written.
struct Window {
    /// Set in `suppressed` once the count is written: the next line opens a new window.
    static constexpr std::uint64_t kClosed = std::uint64_t{1} << 63U;

    const Level level;
    const std::string event;
    const std::string subject;
    const std::string member;
    const std::string message;  ///< the line that was written
    const std::chrono::steady_clock::time_point opened;
    const std::chrono::steady_clock::time_point closes;
    std::atomic<std::uint64_t> suppressed{0};
};
using WindowPtr = std::shared_ptr<Window>;

struct Entry {
    Record record;
    TargetPtr target = {};         ///< if set, there is no line; later lines go here
    WindowPtr window = {};         ///< if set, there is no line; the writer writes its count
    std::uint64_t lost_after = 0;  ///< events lost right after this one for want of room
};

/// The queue between all threads that log and the one that writes. It holds 8,192 lines and 8 MiB;
/// once full, it accepts nothing until it is half empty, so that what is lost is one gap and not
/// every other line.
class LogQueue {
  public:
    /// Any thread; false if there is no room.
    [[nodiscard]] bool push(Record record);
    /// Any thread; never refused.
    void push(TargetPtr target);
    /// Any thread; never refused. take() returns the window once it closes.
    void push(WindowPtr window);
    /// Any thread, when the process ends: closes all windows now.
    void close_windows();

    /// Writing thread only: waits for entries and replaces `entries` by them, oldest first; those
    /// before are done. For up to 10 ms after the last time it leaves them in the queue, so that a
    /// burst of lines costs the writer one wake-up and not one for each line.
    void take(std::vector<Entry>& entries);

    /// Any thread: waits until the writing thread is done with everything pushed before; false
    /// after `timeout`.
    bool wait_until_done(std::chrono::milliseconds timeout);

  private:
    [[nodiscard]] bool has_room(std::size_t size) REQUIRES(mutex_);
    /// True if the writing thread must be woken.
    [[nodiscard]] bool append(Entry entry) REQUIRES(mutex_);
    void wait_for_more(base::MutexLock& lock) REQUIRES(mutex_);
    void wait_for_any(base::MutexLock& lock) REQUIRES(mutex_);
    void close_due_windows() REQUIRES(mutex_);

    base::Mutex mutex_;
    std::condition_variable_any pushed_changed_;
    std::condition_variable_any done_changed_;
    std::deque<Entry> entries_ GUARDED_BY(mutex_);
    std::multimap<std::chrono::steady_clock::time_point, WindowPtr> windows_
        GUARDED_BY(mutex_);  ///< by the time at which they close
    std::size_t bytes_ GUARDED_BY(mutex_) = 0;
    bool overflowing_ GUARDED_BY(mutex_) = false;
    /// So many entries wake the writing thread; 0: it does not wait.
    std::size_t writer_waits_for_ GUARDED_BY(mutex_) = 0;
    std::chrono::steady_clock::time_point taken_at_ GUARDED_BY(mutex_){};
    std::uint64_t pushed_ GUARDED_BY(mutex_) = 0;
    std::uint64_t taken_ GUARDED_BY(mutex_) = 0;
    std::uint64_t done_ GUARDED_BY(mutex_) = 0;
    int flushing_ GUARDED_BY(mutex_) = 0;
};

/// Has the log's thread write the window's count once it closes. Any thread.
void tell_later(const WindowPtr& window);

}  // namespace daemons::log
