#pragma once

#include <chrono>
#include <string>

#include "daemon/log/log.h"

namespace daemons::log {

struct Event {
    Level level;
    std::chrono::system_clock::time_point time;
    const About& about;
    const std::string& message;
    const Fields& fields;
};

/// The line for an event, without a line break. Valid UTF-8 without control characters.
[[nodiscard]] std::string line_of(const Event& event, Format format);

}  // namespace daemons::log
