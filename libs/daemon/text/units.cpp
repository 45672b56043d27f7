#include "daemon/text/units.h"

#include <array>
#include <charconv>
#include <cmath>
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

std::string spoken(std::chrono::seconds duration) {
    const auto count = duration.count();
    if (count < 120)
        return std::to_string(count) + " seconds";
    if (count < 120 * 60)
        return std::to_string(count / 60) + " minutes";
    if (count < 48 * 3600)
        return std::to_string(count / 3600) + " hours";
    return std::to_string(count / 86400) + " days";
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    const auto digits = leading(text, is_digit);
    const auto number = parse_number(digits);
    const auto factor = factor_of(kSizes, text.substr(digits.size()));
    if (!number || !factor || *number > std::numeric_limits<std::uint64_t>::max() / *factor)
        return std::nullopt;
    return *number * *factor;
}

}  // namespace daemons
