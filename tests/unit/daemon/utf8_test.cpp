#include "daemon/utf8.h"

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

}  // namespace
}  // namespace daemons
