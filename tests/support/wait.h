#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>

namespace support {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

#ifdef SANITIZED
inline constexpr Milliseconds default_timeout{30'000};
#else
inline constexpr Milliseconds default_timeout{10'000};
#endif

/// How every wait of this library fails: what was awaited and what was seen instead.
/// Left uncaught it fails the running GoogleTest with that text.
class TimedOut : public std::runtime_error {
  public:
    TimedOut(Milliseconds timeout, const std::string& awaited, const std::string& seen);
};

/// Asks `predicate` every few milliseconds until it holds; throws TimedOut. What takes long to
/// answer, such as a psql, is asked less often: it would keep the machine busy. For what has no
/// event to wait for; where a fake has a `wait_for_...`, use that. Any thread.
void eventually(const std::function<bool()>& predicate, Milliseconds timeout,
                const std::string& what);
void eventually(const std::function<bool()>& predicate, const std::string& what);

/// Waits on `changed` until `done()` holds under `lock`; throws TimedOut with `seen()`.
void wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& changed,
                Milliseconds timeout, const std::function<bool()>& done, const std::string& what,
                const std::function<std::string()>& seen);

}  // namespace support
