#include "daemon/text/units.h"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace daemons {
namespace {

using namespace std::chrono_literals;

TEST(ParseDuration, TakesSecondsOrAUnit) {
    const std::pair<std::string_view, std::chrono::milliseconds> good[] = {
        {"0", 0ms},       {"3", 3s},       {"0.5", 500ms},    {"2.25", 2250ms},   {"0.001", 1ms},
        {"200ms", 200ms}, {"3s", 3s},      {"1.5s", 1500ms},  {"1m", 60s},        {"0.5m", 30s},
        {"2h", 2h},       {"0.1s", 100ms}, {"0.3", 300ms},    {"1.001s", 1001ms}, {"8784h", 8784h},
        {"30min", 30min}, {"1 s", 1s},     {"30 min", 30min},
    };
    for (const auto& [text, expected] : good)
        EXPECT_EQ(parse_duration(text), expected) << text;
}

TEST(ParseDuration, TakesNothingElse) {
    for (const std::string_view text :
         {"",    " ",    "s",   "ms",   "-1",    "+1",  "-1s",  "1  s", " 1s",
          "1s ", "1 ",   "1.",  ".5",   "1.2.3", "1,5", "1e3",  "0x10", "1d",
          "1S",  "1sec", "1ss", "1s1m", "inf",   "nan", "three"})
        EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

TEST(ParseDuration, TakesNothingFinerThanAMillisecond) {
    for (const std::string_view text : {"0.5ms", "0.0005", "1.0001s", "0.00001m", "1.0000001h"})
        EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

TEST(ParseDuration, TakesNothingLongerThanAYear) {
    EXPECT_EQ(parse_duration("8785h"), std::nullopt);
    EXPECT_EQ(parse_duration("99999999999999999999"), std::nullopt);
    EXPECT_EQ(parse_duration(std::string(400, '9')), std::nullopt);  // more than a double holds
}

TEST(ParseSize, TakesBytesOrAUnitOfPowersOf1024) {
    const std::pair<std::string_view, std::uint64_t> good[] = {
        {"0", 0},
        {"16777216", 16'777'216},
        {"1B", 1},
        {"512kB", 524'288},
        {"16MB", 16'777'216},
        {"16 MB", 16'777'216},
        {"1GB", 1'073'741'824},
        {"2TB", 2'199'023'255'552},
        {"18446744073709551615", UINT64_MAX},
        {"16777215TB", 16'777'215ULL << 40},
    };
    for (const auto& [text, expected] : good)
        EXPECT_EQ(parse_size(text), expected) << text;
}

TEST(ParseSize, TakesNothingElse) {
    for (const std::string_view text :
         {"",    " ",   "kB", "-1", "+1",  "1.5MB", "1  MB", "1 ",   "1MB ", "1KB",
          "1kb", "1mb", "1M", "1k", "1PB", "1MiB",  "010",   "0x10", "1e3",  "1MBB"})
        EXPECT_EQ(parse_size(text), std::nullopt) << text;
}

TEST(ParseSize, TakesNothingThatOverflows) {
    for (const std::string_view text :
         {"18446744073709551616", "16777216TB", "18014398509481984kB", "99999999999999999999999"})
        EXPECT_EQ(parse_size(text), std::nullopt) << text;
}

TEST(DurationText, HasTwoUnitsAtMost) {
    const std::pair<double, std::string_view> cases[]{
        {0, "0 s"},
        {-3, "0 s"},
        {std::numeric_limits<double>::quiet_NaN(), "0 s"},
        {0.0004, "0 s"},
        {0.3, "300 ms"},
        {0.9999, "999 ms"},
        {1, "1 s"},
        {1.5, "1.5 s"},
        {9.99, "9.9 s"},
        {59.9, "59 s"},
        {60, "1 min"},
        {61, "1 min 1 s"},
        {3'599, "59 min 59 s"},
        {3'600, "1 h"},
        {3'659, "1 h"},
        {7'200, "2 h"},
        {15'000, "4 h 10 min"},
        {86'460, "1 d"},
        {183'600, "2 d 3 h"},
        {1e300, "11574 d 1 h"},
    };
    for (const auto& [seconds, text] : cases)
        EXPECT_EQ(duration_text(seconds), text) << seconds;
    EXPECT_EQ(duration_text(std::chrono::milliseconds{1'500}), "1.5 s");
    EXPECT_EQ(duration_text(std::chrono::hours{1}), "1 h");
}

TEST(SizeText, HasTheUnitsOfPostgresql) {
    const std::pair<std::uint64_t, std::string_view> cases[]{
        {0, "0 B"},        {1'023, "1023 B"},     {1'024, "1 kB"},
        {1'536, "1.5 kB"}, {20'971'520, "20 MB"}, {UINT64_MAX, "16 EB"},
    };
    for (const auto& [bytes, text] : cases)
        EXPECT_EQ(size_text(bytes), text);
}

TEST(TimeText, NamesUtc) {
    EXPECT_EQ(time_text(1'795'000'000, TimeZone::utc), "2026-11-18 11:06:40 UTC");
    for (const double no_time : {0.0, -1.0, 1e300, std::numeric_limits<double>::quiet_NaN()})
        EXPECT_EQ(time_text(no_time, TimeZone::utc), "?");
}

TEST(TimeText, IsLocalWithoutAName) {
    ::setenv("TZ", "UTC-3", 1);  // NOLINT(concurrency-mt-unsafe): there is one thread
    ::tzset();
    EXPECT_EQ(time_text(1'795'000'000, TimeZone::local), "2026-11-18 14:06:40");
}

TEST(ParseNumber, TakesWholeNumbers) {
    EXPECT_EQ(parse_number("0"), 0U);
    EXPECT_EQ(parse_number("10"), 10U);
    EXPECT_EQ(parse_number("18446744073709551615"), UINT64_MAX);
}

TEST(ParseNumber, TakesNothingElse) {
    for (const std::string_view text : {"", " ", "-1", "+1", "010", "00", "1.0", "1e3", "0x10",
                                        "1 ", " 1", "1_000", "one", "18446744073709551616"})
        EXPECT_EQ(parse_number(text), std::nullopt) << text;
}

}  // namespace
}  // namespace daemons
