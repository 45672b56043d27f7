#pragma once

#include <cstddef>
#include <span>
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

    struct Written {
        std::size_t count = 0;  ///< records that were written whole
        int error = 0;          ///< the errno of the record after these, or 0
    };
    /// Writes records from the first on, at least one of them unless it fails. There is at least
    /// one. May block as long as the kernel does.
    [[nodiscard]] virtual Written write(std::span<const Record> records) = 0;
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
