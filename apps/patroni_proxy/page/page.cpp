#include "patroni_proxy/page/page.h"

#include <array>
#include <string_view>

#include <openssl/evp.h>

#include "daemon/system/unix_time.h"
#include "daemon/text/units.h"
#include "daemon/text/words.h"
#include "patroni_proxy/page/assets.h"
#include "patroni_proxy/page/history_section.h"
#include "patroni_proxy/page/html.h"
#include "patroni_proxy/page/page_sections.h"

namespace proxy::page {
namespace {

using daemons::counted;

/// What a Content-Security-Policy allows: this text and no other.
std::string hash_of(std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
        return "'none'";
    std::array<unsigned char, 4 * ((EVP_MAX_MD_SIZE + 2) / 3) + 1> encoded{};
    const int length = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(size));
    return "'sha256-" +
           std::string(encoded.begin(), encoded.begin() + static_cast<std::ptrdiff_t>(length)) +
           "'";
}

const std::string& policy() {
    static const std::string text =
        "default-src 'none'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; style-src " +
        hash_of(kStyle) + "; script-src " + hash_of(kScript);
    return text;
}

/// For the browser's tab: what is wrong first.
std::string title_of(const ProxyReport& report) {
    for (const auto& cluster : report.clusters)
        if (cluster.leader.empty())
            return cluster.name + ": no leader";
    if (report.clusters.size() == 1)
        return report.clusters.front().name + ": " + report.clusters.front().leader + " leads";
    return counted(report.clusters.size(), "cluster");
}

std::string process_line(const ProxyReport& report) {
    return "Version " + report.version + " \u00b7 up " + daemons::duration_text(report.uptime) +
           " \u00b7 " + counted(report.sessions, "session") + " of " +
           std::to_string(report.max_connections) + " \u00b7 " + counted(report.workers, "worker");
}

}  // namespace

bool is_for_browser(const std::string& accept) {
    return accept.find("text/html") != std::string::npos;
}

daemons::HttpResponse page_response(const ProxyReport& report) {
    std::string html =
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
        "<title>" +
        escaped(title_of(report)) + " \u2013 patroni_proxy</title><style>" + kStyle +
        "</style></head><body>\n<main id=\"live\">\n<h1>patroni_proxy</h1>\n<p>" +
        escaped(process_line(report)) + "</p>\n<p class=\"quiet\">As of " +
        time_element(daemons::unix_now()) + "</p>\n" + alerts(report);
    for (const auto& cluster : report.clusters)
        html += cluster_section(cluster);
    html += history_section(report.history);
    html +=
        "</main>\n<p id=\"lost\" role=\"alert\" hidden></p>\n"
        "<footer><nav aria-label=\"More\"><a href=\"/status\">/status</a> "
        "<a href=\"/sessions\">/sessions</a> <a href=\"/metrics\">/metrics</a></nav></footer>\n"
        "<script>";
    html += kScript;
    html += "</script></body></html>\n";
    return {200,
            html,
            {{"Content-Type", "text/html; charset=utf-8"},
             {"Content-Security-Policy", policy()},
             {"X-Content-Type-Options", "nosniff"},
             {"Referrer-Policy", "no-referrer"},
             {"Cache-Control", "no-store"},
             {"Vary", "Accept"}}};
}

}  // namespace proxy::page
