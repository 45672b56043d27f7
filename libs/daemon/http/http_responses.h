#pragma once

#include <string>
#include <string_view>

#include "daemon/http/http_server.h"
#include "daemon/http/report_requests.h"
#include "daemon/text/metrics.h"

// What the HTTP APIs of both daemons answer. Any thread.
namespace daemons {

[[nodiscard]] HttpResponse text_response(int status, std::string body);
[[nodiscard]] HttpResponse json_response(std::string body);
/// {"error": why}, where `why` is one sentence for a person.
[[nodiscard]] HttpResponse error_response(int status, const std::string& why);
[[nodiscard]] HttpResponse metrics_response(std::string body,
                                            MetricsFormat format = MetricsFormat::text);
// The methods that a path answers. HAProxy's `option httpchk` sends OPTIONS by default and looks at
// the status only, so a health check answers OPTIONS like GET.
inline constexpr char kReadMethods[] = "GET, HEAD";
inline constexpr char kHealthMethods[] = "GET, HEAD, OPTIONS";
[[nodiscard]] inline bool reads(std::string_view method) {
    return method == "GET" || method == "HEAD";
}
[[nodiscard]] inline bool checks_health(std::string_view method) {
    return reads(method) || method == "OPTIONS";
}

/// `allowed` becomes the Allow header.
[[nodiscard]] HttpResponse method_not_allowed(const std::string& allowed);
[[nodiscard]] HttpResponse not_found();

/// GET /live, /status and /metrics, as both daemons answer them; 404 for any other path.
/// status_json() and metrics_text() are found beside the report's type.
template <typename Report>
void answer_report_path(const HttpRequest& request, const HttpServer::Reply& reply,
                        ReportRequests<Report>& reports) {
    const std::string& method = request.method;
    const std::string& path = request.path;
    const bool is_health = path == "/live";
    if (!is_health && path != "/status" && path != "/metrics")
        return reply(not_found());
    if (is_health ? !checks_health(method) : !reads(method))
        return reply(method_not_allowed(is_health ? kHealthMethods : kReadMethods));
    if (is_health)
        return reply(text_response(200, "OK\n"));
    if (path == "/status")
        return reports.answer(
            path, [](const Report& report) { return json_response(status_json(report)); }, reply);
    const auto format = metrics_format_for(request.accept);
    reports.answer(
        format == MetricsFormat::text ? path : path + " as OpenMetrics",
        [format](const Report& report) {
            return metrics_response(metrics_text(report, format), format);
        },
        reply);
}

}  // namespace daemons
