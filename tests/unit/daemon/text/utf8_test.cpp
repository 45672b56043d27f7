#include "daemon/text/utf8.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace daemons {
namespace {

const std::string kBad = "\xEF\xBF\xBD";

TEST(Utf8Test, WhatIsValidStaysAsItIs) {
    const std::vector<std::string> texts{
        "",
        "p1",
        std::string("a\0b", 3),
        "\x7F",
        "\xC2\x80",          // U+0080, the first of two bytes
        "\xDF\xBF",          // U+07FF, the last
        "\xE0\xA0\x80",      // U+0800
        "\xED\x9F\xBF",      // U+D7FF, the last before the surrogates
        "\xEE\x80\x80",      // U+E000, the first after them
        "\xEF\xBF\xBF",      // U+FFFF
        "\xF0\x90\x80\x80",  // U+10000
        "\xF4\x8F\xBF\xBF",  // U+10FFFF
        "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x90\x98",
    };
    for (const auto& text : texts)
        EXPECT_EQ(valid_utf8(text), text);
}

TEST(Utf8Test, EveryByteThatIsNotIsReplaced) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"\x80", kBad},
        {"a\xFFz", "a" + kBad + "z"},
        {"\xC3", kBad},
        {"\xC3(", kBad + "("},
        {"\xC1\xBF", kBad + kBad},                               // overlong
        {"\xE0\x9F\xBF", kBad + kBad + kBad},                    // overlong
        {"\xF0\x8F\xBF\xBF", kBad + kBad + kBad + kBad},         // overlong
        {"\xED\xA0\x80", kBad + kBad + kBad},                    // a surrogate
        {"\xF4\x90\x80\x80", kBad + kBad + kBad + kBad},         // beyond U+10FFFF
        {"\xF5\x80\x80\x80", kBad + kBad + kBad + kBad},         // beyond U+10FFFF
        {"\xE2\x82", kBad + kBad},                               // cut
        {"\xE2\x82z", kBad + kBad + "z"},                        // cut
        {"\xE2\xC3\xBC", kBad + "\xC3\xBC"},                     // cut by a good one
        {"\xF0\x9F\x90z", kBad + kBad + kBad + "z"},             // cut
        {"\xF0\x9F\x90\xC0", kBad + kBad + kBad + kBad},         // cut
        {"\xE2\x82\xAC\x82\xAC", "\xE2\x82\xAC" + kBad + kBad},  // the end of one once more
    };
    for (const auto& [text, valid] : cases)
        EXPECT_EQ(valid_utf8(text), valid);
}

TEST(Utf8Test, OneLineShowsWhatWouldEndItOrMoveTheCursor) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", ""},
        {"state is running", "state is running"},
        {"a\nb\rc\td", "a\\nb\\rc\\td"},
        {std::string("x\0C00000\0", 9), "x\\u0000C00000\\u0000"},
        {"\x1b[2J", "\\u001b[2J"},
        {"\x7F", "\\u007f"},
        {"\xC2\x9B", "\\u009b"},           // C1
        {"\xE2\x80\xA8", "\\u2028"},       // a separator of lines
        {"\xE2\x80\xAE", "\\u202e"},       // from right to left
        {"\xE2\x82\xAC", "\xE2\x82\xAC"},  // a euro
        {"a\xFFz", "a" + kBad + "z"},
    };
    for (const auto& [text, line] : cases)
        EXPECT_EQ(one_line(text, 100), line);
}

TEST(Utf8Test, OneLineIsNoLongerThanItMayBe) {
    EXPECT_EQ(one_line("12345", 5), "12345");
    EXPECT_EQ(one_line("123456", 5), "12...");
    EXPECT_EQ(one_line("123456", 3), "...");
    EXPECT_EQ(one_line(std::string(1'000'000, 's'), 2'000), std::string(1'997, 's') + "...");
    // Neither a character nor an escape is cut in two.
    EXPECT_EQ(one_line("1\xE2\x82\xAC\xE2\x82\xAC", 6), "1...");
    EXPECT_EQ(one_line(std::string("1\0\0", 3), 12), "1\\u0000...");
    EXPECT_EQ(one_line("\xE2\x82\xAC\xE2\x82\xAC", 6), "\xE2\x82\xAC\xE2\x82\xAC");
}

}  // namespace
}  // namespace daemons
