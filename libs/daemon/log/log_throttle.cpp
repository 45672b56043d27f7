#include "daemon/log/log_throttle.h"

#include "daemon/log/log_queue.h"

namespace daemons {

bool LogThrottle::counts() {
    if (!window_)
        return false;
    // A window that has counted lines stays open until the log's thread has written the count.
    if (window_->suppressed == 0 && Clock::now() >= window_->closes)
        return false;
    const auto before = window_->suppressed.fetch_add(1);
    if ((before & log::Window::kClosed) != 0)
        return false;
    if (before == 0)
        log::tell_later(window_);
    return true;
}

void LogThrottle::open(log::Level level, const log::About& about, const std::string& message) {
    const auto now = Clock::now();
    window_.reset(new log::Window{.level = level,
                                  .event = std::string(about.event),
                                  .subject = std::string(about.subject),
                                  .member = std::string(about.member),
                                  .message = message,
                                  .opened = now,
                                  .closes = now + pause_});
}

}  // namespace daemons
