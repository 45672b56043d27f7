#include "haproxy/model/time.h"

#include <cstdint>
#include <string>

namespace haproxy {

std::optional<std::chrono::milliseconds> parse_time(std::string_view text) {
    constexpr std::int64_t kMost = 0x7FFFFFFF;
    std::int64_t number = 0;
    std::size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits)
        if ((number = number * 10 + (text[digits] - '0')) > 1'000 * kMost)
            return std::nullopt;
    if (digits == 0)
        return std::nullopt;
    const std::string_view unit = text.substr(digits);
    if (unit == "us")
        return std::chrono::milliseconds{(number + 999) / 1'000};
    std::int64_t factor = 0;
    if (unit.empty() || unit == "ms")
        factor = 1;
    else if (unit == "s")
        factor = 1'000;
    else if (unit == "m")
        factor = 60'000;
    else if (unit == "h")
        factor = 3'600'000;
    else if (unit == "d")
        factor = 86'400'000;
    if (factor == 0 || number > kMost / factor)
        return std::nullopt;
    return std::chrono::milliseconds{number * factor};
}

}  // namespace haproxy
