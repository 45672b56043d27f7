#include "daemon/log/log_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <ctime>
#include <limits>

#include "daemon/text/utf8.h"

namespace daemons::log {
namespace {

/// No line of ours needs it; an answer quoted in an error may be of any size.
constexpr std::size_t kLongestText = std::size_t{16} * 1024;

enum class Quotes { plain, escaped };

/// Stands for itself in a line, between quotes as well.
constexpr bool is_plain(char c) {
    return c >= ' ' && c <= '~' && c != '\\' && c != '"';
}

/// As it stands between the quotes of a JSON string; text has the same escapes.
void append_escaped(std::string& out, std::string_view text, Quotes quotes) {
    const bool too_long = text.size() > kLongestText;
    text = text.substr(0, kLongestText);
    while (!text.empty()) {
        const auto* const end = std::find_if_not(text.begin(), text.end(), is_plain);
        const auto size = static_cast<std::size_t>(end - text.begin());
        out += text.substr(0, size);
        text.remove_prefix(size);
        if (text.empty())
            break;
        const Character next = take_character(text);
        if (next.value == '\\' || (next.value == '"' && quotes == Quotes::escaped))
            out += '\\';
        append_printable(out, next);
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
    const bool misread =
        std::any_of(out.begin() + static_cast<std::ptrdiff_t>(start), out.end(),
                    [](char c) { return c == ' ' || c == '=' || c == '"' || c == '\\'; });
    if (value.empty() || misread) {
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
        append_value(line, field.value.text());
    }
}

void append_field(std::string& line, std::string_view name, const Value& value) {
    line += ',';
    append_quoted(line, name);
    line += ':';
    switch (value.kind()) {
        case Value::Kind::text:
            return append_quoted(line, value.text());
        case Value::Kind::number:
            line += value.text();
            return;
        case Value::Kind::unknown:
            line += "null";
            return;
    }
}

/// Leaves out what is empty.
void append_about(std::string& line, const About& about) {
    const auto add = [&](std::string_view name, std::string_view value) {
        if (!value.empty())
            append_field(line, name, value);
    };
    const auto slash = std::min(about.subject.find('/'), about.subject.size());
    add("event", about.event);
    add("cluster", about.subject.substr(0, slash));
    add("port", about.subject.substr(std::min(slash + 1, about.subject.size())));
    add("member", about.member);
    add("client", about.client);
}

void append_json(std::string& line, const Event& event) {
    line += "{\"time\":\"";
    append_time(line, event.time, Format::json);
    (line += "\",\"level\":\"") += kLevels.at(static_cast<std::size_t>(event.level)).json;
    line += '"';
    append_about(line, event.about);
    append_field(line, "message", event.message);
    for (const auto& field : event.fields)
        append_field(line, field.name, field.value);
    line += '}';
}

}  // namespace

Value::Value(double number) : kind_(std::isfinite(number) ? Kind::number : Kind::text) {
    constexpr int kDecimals = 6;
    std::array<char, std::numeric_limits<double>::max_exponent10 + kDecimals + 8> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number,
                                   std::chars_format::fixed, kDecimals);
    text_.assign(digits.data(), end.ptr);
}

std::string line_of(const Event& event, Format format) {
    std::string line;
    line.reserve(128 + event.message.size() + 32 * event.fields.size());
    if (format == Format::json)
        append_json(line, event);
    else
        append_text(line, event);
    return line;
}

}  // namespace daemons::log
