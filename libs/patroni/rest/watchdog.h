#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace patroni {

/// Cuts a connection that has used up its time. POCO's timeouts count from byte to byte, so that a
/// peer that drips could hold a request, a header or a TLS handshake for ever; shutdown() from
/// another thread ends all of them.
/// Guards one connection at a time, through a duplicate of its descriptor: POCO closes the
/// original wherever it meets an error, and its number may then be another connection's.
class Watchdog {
  public:
    using Clock = std::chrono::steady_clock;

    enum class Cut { none, deadline, abort };

    Watchdog();
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;
    ~Watchdog();

    /// From now on the connection of `fd` is shut down at `deadline`, or at once after abort(); it
    /// stays open until release(). Throws std::system_error where descriptors have run out.
    void guard(int fd, Clock::time_point deadline);
    /// The guard ends. Says whether the connection was cut, and why: to its reader a cut looks
    /// like a regular end.
    Cut release();
    /// Any thread: cuts what is guarded now and whatever is guarded later.
    void abort() noexcept;

  private:
    void run();
    void close_duplicate() noexcept;

    std::mutex mutex_;
    std::condition_variable changed_;
    int duplicate_ = -1;
    Clock::time_point deadline_;
    Cut cut_ = Cut::none;
    bool aborted_ = false;
    bool stopping_ = false;
    std::thread thread_;  // last: it uses the others
};

}  // namespace patroni
