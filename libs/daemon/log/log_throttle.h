#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "daemon/log/log.h"

namespace daemons {

namespace log {
struct Window;
}

/// Throttles a message that may repeat thousands of times a second: writes the first one, and
/// counts the others for ten seconds. Then the log's thread writes the count, so no timer is needed
/// here. One thread at a time. A copy shares the window of the original.
class LogThrottle {
  public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::milliseconds kPause{10'000};

    explicit LogThrottle(std::chrono::milliseconds pause = kPause) : pause_(pause) {}

    /// Calls `make` for the message only if it is written now, and reads `about` afterwards.
    template <typename Make>
    void log(log::Level level, const log::About& about, Make make) {
        if (!log::enabled(level) || counts())
            return;
        const std::string message = make();
        open(level, about, message);
        log::write(level, about, message);
    }

  private:
    /// True if a window is open, which then has counted the message.
    [[nodiscard]] bool counts();
    void open(log::Level level, const log::About& about, const std::string& message);

    std::chrono::milliseconds pause_;
    std::shared_ptr<log::Window> window_;
};

}  // namespace daemons
