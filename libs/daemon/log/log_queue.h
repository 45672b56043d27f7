#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include <Poco/AutoPtr.h>
#include <Poco/Channel.h>

#include "base/mutex.h"
#include "daemon/log/log.h"

namespace daemons::log {

/// Opaque outside the library, so that POCO's types stay inside.
class Target {
  public:
    explicit Target(Poco::AutoPtr<Poco::Channel> channel) : channel_(std::move(channel)) {}
    [[nodiscard]] Poco::Channel& channel() { return *channel_; }

  private:
    Poco::AutoPtr<Poco::Channel> channel_;
};

struct Entry {
    std::string line;
    TargetPtr target = {};         ///< if set, there is no line; later lines go here
    std::uint64_t lost_after = 0;  ///< events lost right after this one for want of room
};

/// The queue between all threads that log and the one that writes. It holds 8,192 lines and 8 MiB;
/// once full, it accepts nothing until it is half empty, so that what is lost is one gap and not
/// every other line. Poco::AsyncChannel has no such limit, and ends only when everything is
/// written.
class LogQueue {
  public:
    /// Any thread; false if there is no room.
    [[nodiscard]] bool push(std::string line);
    /// Any thread; never refused.
    void push(TargetPtr target);

    /// Writing thread only: waits for the next entry; the one before is done.
    [[nodiscard]] Entry take();

    /// Any thread: waits until the writing thread is done with everything pushed before; false
    /// after `timeout`.
    bool wait_until_done(std::chrono::milliseconds timeout);

  private:
    [[nodiscard]] bool has_room(std::size_t size) REQUIRES(mutex_);
    /// True if the writing thread must be woken.
    [[nodiscard]] bool append(Entry entry) REQUIRES(mutex_);

    base::Mutex mutex_;
    std::condition_variable_any pushed_changed_;
    std::condition_variable_any done_changed_;
    std::deque<Entry> entries_ GUARDED_BY(mutex_);
    std::size_t bytes_ GUARDED_BY(mutex_) = 0;
    bool overflowing_ GUARDED_BY(mutex_) = false;
    bool writer_waits_ GUARDED_BY(mutex_) = false;
    std::uint64_t pushed_ GUARDED_BY(mutex_) = 0;
    std::uint64_t taken_ GUARDED_BY(mutex_) = 0;
    std::uint64_t done_ GUARDED_BY(mutex_) = 0;
    int flushing_ GUARDED_BY(mutex_) = 0;
};

}  // namespace daemons::log
