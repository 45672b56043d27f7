#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The namespace is `daemons` because <unistd.h> already declares a function named daemon.
namespace daemons {

/// "3", "0.5" (seconds), "200ms", "3s", "1m", "2h". Nothing for anything else, finer than a
/// millisecond, or longer than a year.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
inline constexpr std::string_view kDurationForm = "seconds (3, 0.5) or a unit (200ms, 3s, 1m, 2h)";

/// A duration for people, rounded down: "66 minutes", "90 seconds", "3 days".
[[nodiscard]] std::string spoken(std::chrono::seconds duration);

/// "16777216" (bytes), "512kB", "16MB", "1GB", "2TB": powers of 1024, spelt as in PostgreSQL.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);
inline constexpr std::string_view kSizeForm = "bytes (16777216) or a unit (512kB, 16MB, 1GB)";

/// A whole number without sign or leading zero: YAML 1.1 reads 010 as 8.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text);

}  // namespace daemons
