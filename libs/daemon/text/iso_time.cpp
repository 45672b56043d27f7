#include "daemon/text/iso_time.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace daemons {

std::optional<std::string> iso_time(double unix_time) {
    constexpr double kEnd = 253'402'300'799;  // the last second of 9999
    if (!(unix_time >= 0 && unix_time < kEnd))
        return std::nullopt;
    const auto thousandths = std::llround(unix_time * 1'000);
    const auto seconds = static_cast<std::time_t>(thousandths / 1'000);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    std::snprintf(text.data() + size, text.size() - size, ".%03dZ",
                  static_cast<int>(thousandths % 1'000));
    return std::string(text.data());
}

std::optional<std::string> iso_time(std::optional<double> unix_time) {
    return unix_time ? iso_time(*unix_time) : std::nullopt;
}

}  // namespace daemons
