#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <stop_token>
#include <thread>

#include "base/mutex.h"

namespace patroni {

/// Shuts a connection down when its request has used up its time. POCO's timeouts count from byte
/// to byte, so a peer that drips could keep a request, a header or a TLS handshake going for ever;
/// shutdown() from another thread ends all of them.
///
/// Guards one connection at a time, through a duplicate of its descriptor: POCO closes the original
/// after any error, and the kernel may then give its number to another connection.
class RequestDeadline {
  public:
    using Clock = std::chrono::steady_clock;

    /// Why a connection was shut down.
    enum class Cut : std::uint8_t { none, deadline, abort };

    RequestDeadline();
    RequestDeadline(const RequestDeadline&) = delete;
    RequestDeadline& operator=(const RequestDeadline&) = delete;
    ~RequestDeadline();

    /// From now on the connection of `fd` is shut down at `deadline`, or at once after abort(). It
    /// stays open until release(). Throws std::system_error if there is no free descriptor.
    void guard(int fd, Clock::time_point deadline);
    /// Ends the guard. Says whether the connection was shut down: its reader cannot tell that from
    /// a regular end.
    Cut release();
    /// Any thread: shuts down the guarded connection, and every one that is guarded later.
    void abort() noexcept;

  private:
    void run(const std::stop_token& stop);
    void close_duplicate() noexcept REQUIRES(mutex_);

    base::Mutex mutex_;
    std::condition_variable_any changed_;
    int duplicate_ GUARDED_BY(mutex_) = -1;
    Clock::time_point deadline_ GUARDED_BY(mutex_);
    Cut cut_ GUARDED_BY(mutex_) = Cut::none;
    bool aborted_ GUARDED_BY(mutex_) = false;
    std::jthread thread_;  // last: it uses the others
};

}  // namespace patroni
