#include "patroni_agent/admin/admin_server.h"

#include <utility>

#include "daemon/http/http_responses.h"

namespace agent {

AdminServer::AdminServer(Socket socket, GetReport get_report)
    : socket_(std::move(socket)),
      reports_(std::move(get_report)),
      server_(*socket_,
              [this](const auto& request, const auto& reply) { handle(request, reply); }) {}

void AdminServer::handle(const daemons::HttpRequest& request,
                         const daemons::HttpServer::Reply& reply) {
    daemons::answer_report_path(request, reply, reports_);
}

}  // namespace agent
