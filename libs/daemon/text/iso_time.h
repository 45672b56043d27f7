#pragma once

#include <optional>
#include <string>

namespace daemons {

/// "2026-11-27T16:04:05.250Z" of a Unix time, as RFC 3339 writes it: UTC, to the millisecond.
/// Nothing for what is no time between the years 1970 and 9999. Pure; any thread.
[[nodiscard]] std::optional<std::string> iso_time(double unix_time);
[[nodiscard]] std::optional<std::string> iso_time(std::optional<double> unix_time);

}  // namespace daemons
