#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "net/loop/event_loop.h"

namespace daemons {

/// Runs work that may block for ever, such as reading a file on a network file system that hangs,
/// away from a loop: one piece of work at a time, each on its own thread. Loop thread only.
///
/// Nothing can end a thread that hangs. It is left behind with everything the work holds, so the
/// work must hold copies only, and no reference to whoever started it.
class SideThread {
  public:
    using Done = std::function<void()>;
    /// Runs on the other thread and must not throw; what it returns runs on the loop's thread.
    using Work = std::function<Done()>;

    explicit SideThread(net::EventLoop& loop);
    SideThread(const SideThread&) = delete;
    SideThread& operator=(const SideThread&) = delete;
    /// As abandon(), but waits 200 ms for threads that do not hang.
    ~SideThread();

    /// Only while it is not busy. Throws std::runtime_error if no thread can be started or too many
    /// hang already.
    void start(Work work);
    /// True until what the work returned begins to run.
    [[nodiscard]] bool is_busy() const;
    /// Drops the result of the work under way; other work may start.
    void abandon();
    /// As abandon(), but waits for the work. False if it, or earlier work, takes longer than that.
    bool finish(std::chrono::milliseconds patience);

  private:
    struct Shared;
    const std::shared_ptr<Shared> shared_;
};

}  // namespace daemons
