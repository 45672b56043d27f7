#include "wait.h"

#include <algorithm>
#include <thread>

namespace support {

namespace {

std::string message(Milliseconds timeout, const std::string& awaited, const std::string& seen) {
    return "not within " + std::to_string(timeout.count()) + " ms: " + awaited +
           (seen.empty() ? "" : "; seen: " + seen);
}

}  // namespace

TimedOut::TimedOut(Milliseconds timeout, const std::string& awaited, const std::string& seen)
    : std::runtime_error(message(timeout, awaited, seen)) {}

void eventually(const std::function<bool()>& predicate, Milliseconds timeout,
                const std::string& what) {
    const auto deadline = Clock::now() + timeout;
    for (;;) {
        const auto asked = Clock::now();
        if (predicate())
            return;
        const auto answered = Clock::now();
        if (answered >= deadline)
            throw TimedOut(timeout, what, "");
        const Clock::duration least = Milliseconds{2}, most = Milliseconds{200};
        std::this_thread::sleep_for(std::clamp(4 * (answered - asked), least, most));
    }
}

void eventually(const std::function<bool()>& predicate, const std::string& what) {
    eventually(predicate, default_timeout, what);
}

void wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& changed,
                Milliseconds timeout, const std::function<bool()>& done, const std::string& what,
                const std::function<std::string()>& seen) {
    if (!changed.wait_until(lock, Clock::now() + timeout, done))
        throw TimedOut(timeout, what, seen());
}

}  // namespace support
