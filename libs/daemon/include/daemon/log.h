#pragma once

#include <string>

namespace daemons::log {

// One line an event on stderr: time with milliseconds, level, message. Any thread.

void info(const std::string& message);
void warning(const std::string& message);
void error(const std::string& message);

[[nodiscard]] bool debug_enabled();
void debug(const std::string& message);
/// The message is not made unless it is wanted: `make` returns it.
template <typename Make>
auto debug(Make make) -> decltype(void(make())) {
    if (debug_enabled())
        debug(std::string(make()));
}

}  // namespace daemons::log
