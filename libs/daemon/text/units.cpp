#include "daemon/text/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <limits>
#include <utility>

namespace daemons {
namespace {

template <typename Value, std::size_t N>
using Units = std::array<std::pair<std::string_view, Value>, N>;

constexpr Units<double, 6> kDurations{
    {{"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"min", 60e3}, {"h", 3600e3}, {"", 1e3}}};
constexpr Units<std::uint64_t, 6> kSizes{{{"kB", 1ULL << 10},
                                          {"MB", 1ULL << 20},
                                          {"GB", 1ULL << 30},
                                          {"TB", 1ULL << 40},
                                          {"B", 1},
                                          {"", 1}}};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// The part of `text` that `accepted` takes from the front.
template <typename Predicate>
std::string_view leading(std::string_view text, Predicate accepted) {
    std::size_t size = 0;
    while (size < text.size() && accepted(text[size]))
        ++size;
    return text.substr(0, size);
}

/// By what stands behind the number, as "MB" or " MB".
template <typename Value, std::size_t N>
std::optional<Value> factor_of(const Units<Value, N>& units, std::string_view name) {
    if (name.size() > 1 && name.front() == ' ')
        name.remove_prefix(1);
    for (const auto& [unit, factor] : units)
        if (unit == name)
            return factor;
    return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
    if (text.empty() || (text.size() > 1 && text.front() == '0'))
        return std::nullopt;
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    const auto digits = leading(text, [](char c) { return is_digit(c) || c == '.'; });
    const auto factor = factor_of(kDurations, text.substr(digits.size()));
    // "1.", ".5" and "010" are read by from_chars but are more likely a slip.
    if (!factor || digits.empty() || digits.front() == '.' || digits.back() == '.' ||
        (digits.size() > 1 && digits.front() == '0' && digits[1] != '.'))
        return std::nullopt;
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size())
        return std::nullopt;
    const double milliseconds = value * *factor;
    constexpr double kYear = 366 * 24 * 3600e3;
    const double whole = std::round(milliseconds);
    if (milliseconds > kYear || std::abs(milliseconds - whole) > 1e-6)
        return std::nullopt;
    return std::chrono::milliseconds(static_cast<std::int64_t>(whole));
}

std::string duration_text(std::chrono::duration<double> time) {
    return duration_text(time.count());
}

std::string duration_text(double seconds) {
    struct Unit {
        const char* name;
        std::uint64_t length;
    };
    constexpr std::array kUnits{Unit{" d", 86'400}, Unit{" h", 3'600}, Unit{" min", 60},
                                Unit{" s", 1}};
    constexpr double kLongest = 1e9;  // 31 years
    if (!(seconds > 0))
        return "0 s";
    // What is written as 0.3 may be a little less.
    const double milliseconds = std::floor(std::min(seconds, kLongest) * 1e3 + 1e-6);
    auto left = static_cast<std::uint64_t>(milliseconds / 1e3);
    const auto fraction = static_cast<std::uint64_t>(milliseconds) % 1'000;
    if (left == 0)
        return fraction == 0 ? "0 s" : std::to_string(fraction) + " ms";
    if (left < 10 && fraction >= 100)
        return std::to_string(left) + "." + std::to_string(fraction / 100) + " s";
    std::size_t unit = 0;
    while (left < kUnits.at(unit).length)
        ++unit;
    std::string text = std::to_string(left / kUnits.at(unit).length) + kUnits.at(unit).name;
    left %= kUnits.at(unit).length;
    ++unit;
    if (unit < kUnits.size() && left >= kUnits.at(unit).length)
        text.append(" ")
            .append(std::to_string(left / kUnits.at(unit).length))
            .append(kUnits.at(unit).name);
    return text;
}

std::string time_text(double unix_time, TimeZone zone) {
    constexpr double kLatest = 1e11;  // in the year 5138
    if (!(unix_time > 0 && unix_time < kLatest))
        return "?";
    const auto time = static_cast<std::time_t>(unix_time);
    std::tm parts{};
    if (zone == TimeZone::utc)
        ::gmtime_r(&time, &parts);
    else
        ::localtime_r(&time, &parts);
    std::array<char, 32> text{};
    const std::size_t size = std::strftime(text.data(), text.size(),
                                           zone == TimeZone::utc ? "%F %T UTC" : "%F %T", &parts);
    return {text.data(), size};
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    const auto digits = leading(text, is_digit);
    const auto number = parse_number(digits);
    const auto factor = factor_of(kSizes, text.substr(digits.size()));
    if (!number || !factor || *number > std::numeric_limits<std::uint64_t>::max() / *factor)
        return std::nullopt;
    return *number * *factor;
}

std::string size_text(std::uint64_t bytes) {
    constexpr std::array kUnits{" B", " kB", " MB", " GB", " TB", " PB", " EB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 1'024 && unit + 1 < kUnits.size(); ++unit)
        value /= 1'024;
    const auto whole = static_cast<std::uint64_t>(value);
    const auto tenths = static_cast<std::uint64_t>(value * 10) % 10;
    std::string text = std::to_string(whole);
    if (whole < 100 && tenths != 0)
        text.append(".").append(std::to_string(tenths));
    return text + kUnits.at(unit);
}

}  // namespace daemons
