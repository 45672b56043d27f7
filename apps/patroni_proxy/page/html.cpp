#include "patroni_proxy/page/html.h"

#include "daemon/text/iso_time.h"
#include "daemon/text/units.h"

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

std::string time_element(double unix_time) {
    const auto iso = daemons::iso_time(unix_time);
    return iso ? "<time datetime=\"" + *iso + "\">" +
                     daemons::time_text(unix_time, daemons::TimeZone::utc) + "</time>"
               : "\u2013";
}

}  // namespace proxy::page
