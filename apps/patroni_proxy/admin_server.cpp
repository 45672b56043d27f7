#include "patroni_proxy/admin_server.h"

#include <utility>

namespace proxy {
namespace {

daemons::HttpResponse text(int status, std::string body) {
    return {status, std::move(body), {{"Content-Type", "text/plain; charset=utf-8"}}};
}

daemons::HttpResponse method_not_allowed(const std::string& allowed) {
    auto response = text(405, "Method Not Allowed\n");
    response.headers["Allow"] = allowed;
    return response;
}

}  // namespace

AdminServer::AdminServer(const net::ListeningSocket& socket, UpdateClusters update_clusters)
    : update_clusters_(std::move(update_clusters)),
      server_(socket, [this](const auto& request, const auto& reply) { handle(request, reply); }) {}

void AdminServer::handle(const daemons::HttpRequest& request,
                         const daemons::HttpServer::Reply& reply) {
    const std::string& method = request.method;
    if (request.path == "/") {
        const bool allowed = method == "GET" || method == "HEAD" || method == "OPTIONS";
        reply(allowed ? text(200, "OK") : method_not_allowed("GET, HEAD, OPTIONS"));
    } else if (request.path == "/update_clusters") {
        if (method != "GET" && method != "POST")
            return reply(method_not_allowed("GET, POST"));
        update_clusters_([reply](std::size_t updated, const std::string& errors) {
            reply(errors.empty() ? text(200, "Updated " + std::to_string(updated) + " cluster(s)\n")
                                 : text(502, "Updated " + std::to_string(updated) +
                                                 " cluster(s); failed: " + errors + "\n"));
        });
    } else {
        reply(text(404, "Not Found\n"));
    }
}

}  // namespace proxy
