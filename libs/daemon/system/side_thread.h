#pragma once

#include <functional>
#include <memory>

#include "net/loop/event_loop.h"

namespace daemons {

/// Does what may block for ever, such as reading a file on a network file system that hangs, away
/// from a loop: one piece of work at a time, each on a thread of its own. Loop thread only.
///
/// Nothing can end a thread that hangs. It is left behind, together with what the work holds, which
/// therefore must be the work's own: copies, and nothing of who started it.
class SideThread {
  public:
    using Done = std::function<void()>;
    /// Runs on the other thread, and must not throw; what it returns runs on the loop's.
    using Work = std::function<Done()>;

    explicit SideThread(net::EventLoop& loop);
    SideThread(const SideThread&) = delete;
    SideThread& operator=(const SideThread&) = delete;
    /// As abandon(), but waits a moment for threads that do not hang.
    ~SideThread();

    /// Only while it is not busy. Throws std::runtime_error if no thread can be had, or if too many
    /// hang already.
    void start(Work work);
    /// Until what the work returned has begun to run.
    [[nodiscard]] bool is_busy() const;
    /// What the work comes to is dropped; other work may start.
    void abandon();

  private:
    struct Shared;
    const std::shared_ptr<Shared> shared_;
};

}  // namespace daemons
