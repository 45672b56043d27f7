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

/// A duration for people: "250 ms", "1.5 s", "12 s", "3 min 20 s", "2 h", "6 d 22 h". Rounded down
/// to the second of its two units, to milliseconds below a second, to tenths below ten seconds.
[[nodiscard]] std::string duration_text(std::chrono::duration<double> time);
/// The same of seconds. What is negative or no number counts as 0.
[[nodiscard]] std::string duration_text(double seconds);

/// "16777216" (bytes), "512kB", "16MB", "1GB", "2TB": powers of 1024, spelt as in PostgreSQL.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);
inline constexpr std::string_view kSizeForm = "bytes (16777216) or a unit (512kB, 16MB, 1GB)";

/// A size for people, with the same units: "312 B", "1.5 MB", "640 GB".
[[nodiscard]] std::string size_text(std::uint64_t bytes);

enum class TimeZone : std::uint8_t { utc, local };
/// A Unix time for people: "2026-11-27 16:04:05 UTC", or without "UTC" in the local time zone. "?"
/// for what is no time.
[[nodiscard]] std::string time_text(double unix_time, TimeZone zone);

/// A whole number without sign or leading zero: YAML 1.1 reads 010 as 8.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text);

}  // namespace daemons
