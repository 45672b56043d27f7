#include "log_line.h"

#include <array>
#include <cstddef>
#include <ctime>

namespace daemons::log {
namespace {

/// No line of ours needs it; an answer quoted in an error may be of any size.
constexpr std::size_t kLongestText = std::size_t{16} * 1024;

struct Character {
    char32_t value;
    std::size_t size;  ///< in bytes; 0 where they are not UTF-8
};

Character first_character(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80)
        return {lead, 1};
    const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < size)
        return {0, 0};
    char32_t value = lead & (0x7FU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xC0U) != 0x80)
            return {0, 0};
        value = (value << 6U) | (byte(i) & 0x3FU);
    }
    const bool overlong = (size == 3 && value < 0x800) || (size == 4 && value < 0x10000);
    const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (overlong || surrogate || value > 0x10FFFF)
        return {0, 0};
    return {value, size};
}

/// What ends a line, moves a terminal's cursor or turns the text around: C0, DEL and C1, the
/// separators of lines and paragraphs, and the marks that change the direction of writing.
bool is_control(char32_t value) {
    return value < 0x20 || (value >= 0x7F && value <= 0x9F) ||
           (value >= 0x2028 && value <= 0x202E) || (value >= 0x2066 && value <= 0x2069);
}

void append_control(std::string& out, char32_t value) {
    if (value == '\n') {
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

enum class Quotes { plain, escaped };

/// As it stands between the quotes of a JSON string; text has the same escapes.
void append_escaped(std::string& out, std::string_view text, Quotes quotes) {
    const bool too_long = text.size() > kLongestText;
    text = text.substr(0, kLongestText);
    while (!text.empty()) {
        const auto [value, size] = first_character(text);
        if (size == 0)
            out += "\uFFFD";
        else if (is_control(value))
            append_control(out, value);
        else if (value == '\\' || (value == '"' && quotes == Quotes::escaped))
            (out += '\\') += static_cast<char>(value);
        else
            out.append(text, 0, size);
        text.remove_prefix(size == 0 ? 1 : size);
    }
    if (too_long)
        out += "...";
}

void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    append_escaped(out, text, Quotes::escaped);
    out += '"';
}

/// Quoted only where it could be misread.
void append_value(std::string& out, std::string_view value) {
    const auto start = out.size();
    append_escaped(out, value, Quotes::escaped);
    if (value.empty() || out.find_first_of(" =\"\\", start) != std::string::npos) {
        out.insert(start, 1, '"');
        out += '"';
    }
}

/// The parts of a time, made once a second in each thread: localtime_r() takes a lock that all
/// threads share.
struct LocalSecond {
    std::time_t second = -1;
    std::array<char, 16> date{};
    std::array<char, 16> time{};
    std::array<char, 16> offset{};  ///< +0200
};

const LocalSecond& local(std::time_t second) {
    thread_local LocalSecond cached;
    if (cached.second != second) {
        std::tm parts{};
        ::localtime_r(&second, &parts);
        std::strftime(cached.date.data(), cached.date.size(), "%Y-%m-%d", &parts);
        std::strftime(cached.time.data(), cached.time.size(), "%H:%M:%S", &parts);
        std::strftime(cached.offset.data(), cached.offset.size(), "%z", &parts);
        cached.second = second;
    }
    return cached;
}

void append_time(std::string& out, std::chrono::system_clock::time_point time, Format format) {
    const auto since = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
    const auto second = std::chrono::floor<std::chrono::seconds>(since);
    const auto& parts = local(second.count());
    const std::string milliseconds = std::to_string((since - second).count());
    out += parts.date.data();
    out += format == Format::json ? 'T' : ' ';
    out += parts.time.data();
    out += '.';
    out.append(3 - milliseconds.size(), '0') += milliseconds;
    if (format == Format::json)
        out.append(parts.offset.data(), 3).append(":").append(parts.offset.data() + 3, 2);
}

struct Names {
    std::string_view text;
    std::string_view json;
};
constexpr std::array<Names, 4> kLevels{
    {{"ERROR", "error"}, {"WARNING", "warning"}, {"INFO", "info"}, {"DEBUG", "debug"}}};

void append_text(std::string& line, const Event& event) {
    append_time(line, event.time, Format::text);
    (line += ' ') += kLevels.at(static_cast<std::size_t>(event.level)).text;
    line += ' ';
    append_escaped(line, event.message, Quotes::plain);
    for (const auto& field : event.fields) {
        ((line += ' ') += field.name) += '=';
        append_value(line, field.value);
    }
}

void append_json(std::string& line, const Event& event) {
    line += "{\"time\":\"";
    append_time(line, event.time, Format::json);
    (line += "\",\"level\":\"") += kLevels.at(static_cast<std::size_t>(event.level)).json;
    line += "\",\"message\":";
    append_quoted(line, event.message);
    for (const auto& field : event.fields) {
        line += ',';
        append_quoted(line, field.name);
        line += ':';
        append_quoted(line, field.value);
    }
    line += '}';
}

}  // namespace

std::string line_of(const Event& event, Format format) {
    std::string line;
    line.reserve(128 + event.message.size());
    if (format == Format::json)
        append_json(line, event);
    else
        append_text(line, event);
    return line;
}

}  // namespace daemons::log
