#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace haproxy {

/// A time as HAProxy writes it (configuration manual, 2.5): a whole number of milliseconds, or with
/// a unit: us, ms, s, m, h, d. Nothing for anything else, and beyond 24 days, HAProxy's own limit.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_time(std::string_view text);

}  // namespace haproxy
