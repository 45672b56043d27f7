#pragma once

#include <functional>
#include <memory>

#include "daemon/http/http_server.h"
#include "daemon/http/report_requests.h"
#include "net/socket/listening_socket.h"
#include "patroni_agent/admin/report.h"

namespace agent {

/// The HTTP API, for operators and monitoring; HAProxy does not need it:
///   GET /live       OK while the process answers
///   GET /status     everything that is known, as JSON
///   GET /metrics    the same as numbers, for Prometheus
class AdminServer {
  public:
    using Socket = std::shared_ptr<const net::ListeningSocket>;
    using ReportDone = std::function<void(const AgentReport&)>;
    /// Called on the server's thread. Must not block: it may answer later, on any thread.
    using GetReport = std::function<void(ReportDone)>;

    /// Throws std::runtime_error if it cannot serve.
    AdminServer(Socket socket, GetReport get_report);

    [[nodiscard]] const Socket& socket() const noexcept { return socket_; }

  private:
    void handle(const daemons::HttpRequest& request, const daemons::HttpServer::Reply& reply);

    const Socket socket_;
    daemons::ReportRequests<AgentReport> reports_;
    daemons::HttpServer server_;  // last: its thread uses the others
};

}  // namespace agent
