#include "patroni_proxy/haproxy/stats/stats_page.h"

#include <string_view>

#include "daemon/http/http_responses.h"
#include "daemon/text/html.h"
#include "patroni_proxy/haproxy/stats/info_text.h"
#include "patroni_proxy/haproxy/stats/stat_csv.h"
#include "patroni_proxy/haproxy/stats/stat_rows.h"

namespace proxy::haproxy {
namespace {

using daemons::html::escaped;

bool wants_csv(std::string_view path) {
    return path.find(";csv") != std::string_view::npos;
}

/// Tools look for the two lines that are in HAProxy's form.
std::string page(const ProxyReport& report) {
    std::string html =
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<title>Statistics of patroni_proxy</title></head><body>\n"
        "<h1>patroni_proxy, in the form of HAProxy version " +
        escaped(report.version) + ", released -</h1>\n<p><b>uptime = </b> " +
        uptime_text(report.uptime) +
        "</p>\n<table>\n<tr><th>port</th><th>member</th><th>status</th><th>sessions</th>"
        "<th>total</th><th>why</th></tr>\n";
    for (const auto& row : stat_rows(report)) {
        html += "<tr>";
        for (const auto* column : {"pxname", "svname", "status", "scur", "stot", "last_chk"})
            html += "<td>" + escaped(stat_value(row, column)) + "</td>";
        html += "</tr>\n";
    }
    return html + "</table></body></html>\n";
}

}  // namespace

bool is_stats_path(const std::string& path) {
    const std::string_view name = std::string_view(path).substr(0, path.find(';'));
    return name == "/stats" || (name == "/" && wants_csv(path));
}

daemons::HttpResponse stats_response(const std::string& path, const ProxyReport& report) {
    if (wants_csv(path))
        return {200, stat_csv(stat_rows(report)), {{"Content-Type", "text/plain; charset=utf-8"}}};
    return {200,
            page(report),
            {{"Content-Type", "text/html; charset=utf-8"},
             {"Content-Security-Policy", "default-src 'none'"}}};
}

}  // namespace proxy::haproxy
