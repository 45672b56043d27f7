#include "patroni_agent/admin/admin_server.h"

#include <utility>

#include "daemon/http/http_responses.h"

namespace agent {

AdminServer::AdminServer(Socket socket, GetReport get_report)
    : socket_(std::move(socket)),
      get_report_(std::move(get_report)),
      server_(*socket_,
              [this](const auto& request, const auto& reply) { handle(request, reply); }) {}

void AdminServer::handle(const daemons::HttpRequest& request,
                         const daemons::HttpServer::Reply& reply) {
    const auto& [method, path] = request;
    if (path != "/live" && path != "/status" && path != "/metrics")
        return reply(daemons::not_found());
    if (path == "/live" ? !daemons::checks_health(method) : !daemons::reads(method))
        return reply(daemons::method_not_allowed(path == "/live" ? daemons::kHealthMethods
                                                                 : daemons::kReadMethods));
    if (path == "/live")
        return reply(daemons::text_response(200, "OK\n"));
    get_report_([reply, status = path == "/status"](const AgentReport& report) {
        reply(status ? daemons::json_response(status_json(report))
                     : daemons::metrics_response(metrics_text(report)));
    });
}

}  // namespace agent
