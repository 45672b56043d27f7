#include "daemon/text/utf8.h"

namespace daemons {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::string_view kDots = "...";

/// The length of the character that `text` begins with; 0 if it begins with none. The limits of
/// the second byte keep out overlong forms, surrogates and what lies beyond U+10FFFF.
std::size_t character_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto first = byte(0);
    if (first < 0x80)
        return 1;
    const std::size_t length = first < 0xC2    ? 0
                               : first < 0xE0  ? 2
                               : first < 0xF0  ? 3
                               : first <= 0xF4 ? 4
                                               : 0;
    if (length == 0 || text.size() < length)
        return 0;
    const auto low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    const auto high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (byte(1) < low || byte(1) > high)
        return 0;
    for (std::size_t i = 2; i < length; ++i)
        if (byte(i) < 0x80 || byte(i) > 0xBF)
            return 0;
    return length;
}

/// Of bytes that are valid.
char32_t value_of(std::string_view bytes) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    if (bytes.size() == 1)
        return byte(0);
    char32_t value = byte(0) & (0x7FU >> bytes.size());
    for (std::size_t i = 1; i < bytes.size(); ++i)
        value = (value << 6U) | (byte(i) & 0x3FU);
    return value;
}

/// C0, DEL and C1, the separators of lines and paragraphs, and the marks that change the direction
/// of writing.
bool is_control(char32_t value) {
    return value < 0x20 || (value >= 0x7F && value <= 0x9F) ||
           (value >= 0x2028 && value <= 0x202E) || (value >= 0x2066 && value <= 0x2069);
}

}  // namespace

Character take_character(std::string_view& text) {
    const std::size_t length = character_length(text);
    const std::string_view bytes = text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
    return length == 0 ? Character{0xFFFD, kReplacement} : Character{value_of(bytes), bytes};
}

void append_printable(std::string& out, const Character& character) {
    const char32_t value = character.value;
    if (!is_control(value)) {
        out += character.bytes;
    } else if (value == '\n') {
        out += "\\n";
    } else if (value == '\r') {
        out += "\\r";
    } else if (value == '\t') {
        out += "\\t";
    } else {
        constexpr std::string_view kDigits = "0123456789abcdef";
        out += "\\u";
        for (const unsigned shift : {12U, 8U, 4U, 0U})
            out += kDigits[(value >> shift) & 0xFU];
    }
}

std::string valid_utf8(std::string_view text) {
    std::string valid;
    valid.reserve(text.size());
    while (!text.empty())
        valid += take_character(text).bytes;
    return valid;
}

std::string one_line(std::string_view text, std::size_t most) {
    std::string line;
    std::size_t cut_at = 0;  // the last character's end that leaves room for the dots
    while (!text.empty() && line.size() <= most) {
        if (line.size() + kDots.size() <= most)
            cut_at = line.size();
        append_printable(line, take_character(text));
    }
    if (line.size() > most)
        line.replace(cut_at, std::string::npos, kDots);
    return line;
}

}  // namespace daemons
