#include "patroni_proxy/page/html.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace proxy::page {
namespace {

struct Look {
    const char* name;  ///< of the class in style.css
    const char* sign;
};

Look look_of(Tone tone) {
    switch (tone) {
        case Tone::good:
            return {"good", "\u25cf"};
        case Tone::calm:
            return {"calm", "\u25cb"};
        case Tone::warn:
            return {"warn", "\u25d0"};
        case Tone::bad:
            return {"bad", "\u25b2"};
        case Tone::plain:
            break;
    }
    return {"plain", ""};
}

}  // namespace

std::string escaped(std::string_view text) {
    std::string html;
    for (const char letter : text)
        switch (letter) {
            case '&':
                html += "&amp;";
                break;
            case '<':
                html += "&lt;";
                break;
            case '>':
                html += "&gt;";
                break;
            case '"':
                html += "&quot;";
                break;
            case '\'':
                html += "&#39;";
                break;
            default:
                html += letter;
        }
    return html;
}

std::string badge(Tone tone, std::string_view word) {
    const auto [name, sign] = look_of(tone);
    return std::string("<span class=\"badge ") + name + "\"><span aria-hidden=\"true\">" + sign +
           "</span> " + escaped(word) + "</span>";
}

std::string table(const Table& table) {
    std::string html = "<table><caption>" + escaped(table.caption) + "</caption><thead><tr>";
    for (const auto& column : table.columns)
        html += "<th scope=\"col\">" + escaped(column) + "</th>";
    html += "</tr></thead><tbody>\n";
    for (const auto& row : table.rows) {
        html += "<tr>";
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string label = " data-label=\"" + escaped(table.columns[i]) + "\">";
            html += i == 0 ? "<th scope=\"row\"" + label + row[i] + "</th>"
                           : "<td" + label + row[i] + "</td>";
        }
        html += "</tr>\n";
    }
    return html + "</tbody></table>\n";
}

std::string duration(double seconds) {
    const auto all = static_cast<unsigned long long>(std::max(0.0, seconds));
    const auto parts = [](unsigned long long large, const char* unit, unsigned long long small,
                          const char* small_unit) {
        std::string text = std::to_string(large) + ' ' + unit;
        if (small != 0)
            text += ' ' + std::to_string(small) + ' ' + small_unit;
        return text;
    };
    if (all < 60)
        return std::to_string(all) + " s";
    if (all < 3'600)
        return std::to_string(all / 60) + " min";
    if (all < 86'400)
        return parts(all / 3'600, "h", all / 60 % 60, "min");
    return parts(all / 86'400, "d", all / 3'600 % 24, "h");
}

std::string size(std::uint64_t bytes) {
    constexpr std::array kUnits{"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 1'024 && unit + 1 < kUnits.size(); ++unit)
        value /= 1'024;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s",
                  value, kUnits[unit]);
    return text.data();
}

std::string time(double unix_time) {
    const auto whole = static_cast<std::time_t>(unix_time);
    std::tm utc{};
    std::array<char, 40> text{};
    if (!::gmtime_r(&whole, &utc) ||
        std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &utc) == 0)
        return "-";
    return text.data();
}

std::string count(std::uint64_t number, const std::string& noun) {
    return std::to_string(number) + ' ' + noun + (number == 1 ? "" : "s");
}

}  // namespace proxy::page
