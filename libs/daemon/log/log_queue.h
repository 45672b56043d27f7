#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include <Poco/AutoPtr.h>
#include <Poco/Channel.h>

#include "daemon/log/log.h"

namespace daemons::log {

/// Outside the library it is a name alone: POCO's types stay in here.
class Target {
  public:
    explicit Target(Poco::AutoPtr<Poco::Channel> channel) : channel_(std::move(channel)) {}
    [[nodiscard]] Poco::Channel& channel() { return *channel_; }

  private:
    Poco::AutoPtr<Poco::Channel> channel_;
};

struct Entry {
    std::string line;
    TargetPtr target = {};         ///< set: no line, but where the lines after it go
    std::uint64_t lost_after = 0;  ///< how many events found no room right after this one
};

/// Between all who log and the one thread that writes. It takes 8,192 lines and 8 MiB; once it is
/// full it takes none until half of that is written, so that what is lost is one gap and not every
/// other line. Poco::AsyncChannel has no such bound, and ends only when all is written.
class LogQueue {
  public:
    /// Any thread; false if there is no room.
    [[nodiscard]] bool push(std::string line);
    /// Any thread; there is always room.
    void push(TargetPtr target);

    /// The writing thread: waits for the next entry, and is done with the one before.
    [[nodiscard]] Entry take();

    /// Any thread: until the writing thread is done with all that was pushed before; false when
    /// time is up.
    bool wait_until_done(std::chrono::milliseconds timeout);

  private:
    [[nodiscard]] bool has_room(std::size_t size);
    void push(Entry entry, std::unique_lock<std::mutex> lock);

    std::mutex mutex_;
    std::condition_variable pushed_changed_;
    std::condition_variable done_changed_;
    std::deque<Entry> entries_;
    std::size_t bytes_ = 0;
    bool overflowing_ = false;
    bool writer_waits_ = false;
    std::uint64_t pushed_ = 0;
    std::uint64_t taken_ = 0;
    std::uint64_t done_ = 0;
    int flushing_ = 0;
};

}  // namespace daemons::log
