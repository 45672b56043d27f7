#pragma once

#include <string>

#include "daemon/log/log.h"

namespace daemons::log {

/// A line for a target, without a line break.
struct Record {
    Level level = Level::info;
    std::string event;
    std::string line;
};

/// Where lines go. Used by the log's thread alone.
class Target {
  public:
    Target() = default;
    Target(const Target&) = delete;
    Target& operator=(const Target&) = delete;
    virtual ~Target() = default;

    /// May block as long as the kernel does. 0, or the errno if not all of the line was written.
    [[nodiscard]] virtual int write(const Record& record) = 0;
    /// In messages: "the log file '/var/log/x'".
    [[nodiscard]] virtual std::string name() const = 0;
};

/// The severity of RFC 5424, section 6.2.1, which systemd uses as well: 3 for an error.
[[nodiscard]] constexpr int severity_of(Level level) noexcept {
    switch (level) {
        case Level::error:
            return 3;
        case Level::warning:
            return 4;
        case Level::info:
            return 6;
        case Level::debug:
            return 7;
    }
    return 6;
}

}  // namespace daemons::log
