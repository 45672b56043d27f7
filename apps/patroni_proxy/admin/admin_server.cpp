#include "patroni_proxy/admin/admin_server.h"

#include <utility>

#include "daemon/http/http_responses.h"
#include "daemon/system/unix_time.h"
#include "daemon/text/utf8.h"
#include "patroni_proxy/haproxy/stats/exporter_text.h"
#include "patroni_proxy/haproxy/stats/stats_page.h"
#include "patroni_proxy/history/history_json.h"
#include "patroni_proxy/page/page.h"
#include "patroni_proxy/report/metrics_text.h"
#include "patroni_proxy/report/serving.h"
#include "patroni_proxy/report/sessions_json.h"
#include "patroni_proxy/report/setting_text.h"
#include "patroni_proxy/report/status_json.h"

namespace proxy {
namespace {

using daemons::HttpResponse;
using daemons::kLongestReason;
using daemons::method_not_allowed;
using daemons::one_line;
using daemons::text_response;

HttpResponse updated(std::size_t clusters, const std::string& errors) {
    const std::string text = "Updated " + std::to_string(clusters) + " cluster(s)";
    return errors.empty()
               ? text_response(200, text + "\n")
               : text_response(502, text + "; failed: " + one_line(errors, kLongestReason) + "\n");
}

HttpResponse port_response(const ClusterReport& cluster, const PortReport& port) {
    // Who is only held gets a backend in the end.
    if (const auto* const closed = closed_by(port); closed && closed->setting == "disable")
        return text_response(
            503,
            one_line(setting_text(cluster.name, *closed, daemons::TimeZone::utc), kLongestReason) +
                "\n");
    if (!who_serves(port).empty())
        return text_response(200, "OK\n");
    return text_response(503, "no backends available: " +
                                  one_line(why_nobody_serves(cluster, port), kLongestReason) +
                                  "\n");
}

}  // namespace

HttpResponse ready_response(const std::string& path, const ProxyReport& report) {
    const bool for_one_port = path != "/ready";
    if (!report.ready)
        return text_response(503, report.why_not_ready + "\n");
    if (!for_one_port) {
        std::string body = "OK\n";
        for (const auto& cluster : report.clusters)
            if (!cluster.answer_age)
                body += cluster.name + ": Patroni has not answered yet\n";
        return text_response(200, body);
    }
    for (const auto& cluster : report.clusters)
        for (const auto& port : cluster.ports)
            if (path == "/ready/" + cluster.name + "/" + port.name)
                return port_response(cluster, port);
    return text_response(404, "no such port\n");
}

AdminServer::AdminServer(Socket socket, AdminRequests requests, daemons::HttpOptions options,
                         const daemons::HttpLimits& limits)
    : socket_(std::move(socket)),
      requests_(std::move(requests)),
      reports_(requests_.report),
      server_(
          *socket_, [this](const auto& request, const auto& reply) { handle(request, reply); },
          limits, std::move(options)) {}

void AdminServer::handle(const daemons::HttpRequest& request,
                         const daemons::HttpServer::Reply& reply) {
    const std::string& method = request.method;
    const std::string& path = request.path;
    if (requests_.control && requests_.control(request, reply))
        return;
    if (path == "/update_clusters") {
        if (method != "GET" && method != "POST")
            return reply(method_not_allowed("GET, POST"));
        return requests_.update_clusters([reply](std::size_t clusters, const std::string& errors) {
            reply(updated(clusters, errors));
        });
    }
    if (haproxy::is_stats_path(path)) {
        if (!daemons::reads(method))
            return reply(method_not_allowed(daemons::kReadMethods));
        return reports_.answer(
            path,
            [path](const ProxyReport& report) { return haproxy::stats_response(path, report); },
            reply);
    }
    if (path == "/metrics" && request.query.contains("haproxy") && daemons::reads(method))
        return reports_.answer(
            "/metrics?haproxy",
            [](const ProxyReport& report) {
                return daemons::metrics_response(metrics_text(report) +
                                                 haproxy::exporter_text(report));
            },
            reply);
    if (path == "/sessions") {
        if (!daemons::reads(method))
            return reply(method_not_allowed(daemons::kReadMethods));
        if (requests_.refuse_sessions)
            if (auto refused = requests_.refuse_sessions(request))
                return reply(*std::move(refused));
        const auto [filter, error] = parse_session_filter(request.query);
        if (!error.empty())
            return reply(daemons::error_response(400, error));
        return requests_.list_sessions(
            filter,
            {"json",
             [](const SessionList& list) { return sessions_json(list, daemons::unix_now()); }},
            [reply](std::string text) { reply(daemons::json_response(std::move(text))); });
    }
    if (path == "/history") {
        if (!daemons::reads(method))
            return reply(method_not_allowed(daemons::kReadMethods));
        return answer_history(request, reply);
    }
    const bool ready = path == "/ready" || path.starts_with("/ready/");
    if (path != "/" && !ready)
        return daemons::answer_report_path(request, reply, reports_);
    if (!daemons::checks_health(method))
        return reply(method_not_allowed(daemons::kHealthMethods));
    if (path == "/" && method != "OPTIONS" && page::is_for_browser(request.accept))
        return reports_.answer("/ for browsers", page::page_response, reply);
    if (path == "/")
        return reply(text_response(200, "OK"));
    reports_.answer(
        path, [path](const ProxyReport& report) { return ready_response(path, report); }, reply);
}

void AdminServer::answer_history(const daemons::HttpRequest& request,
                                 const daemons::HttpServer::Reply& reply) {
    std::string cluster;
    for (const auto& [name, value] : request.query) {
        if (name != "cluster")
            return reply(daemons::error_response(400, "unknown parameter " +
                                                          one_line(name, kLongestReason) +
                                                          "; /history takes cluster=NAME"));
        cluster = value;
    }
    reports_.answer(
        "/history?cluster=" + cluster,
        [cluster](const ProxyReport& report) {
            return daemons::json_response(history::history_json(report.history, cluster));
        },
        reply);
}

}  // namespace proxy
