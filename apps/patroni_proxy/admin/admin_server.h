#pragma once

#include <functional>
#include <memory>
#include <string>

#include "daemon/http/http_server.h"
#include "net/socket/listening_socket.h"
#include "patroni_proxy/admin/report.h"

namespace proxy {

/// What the HTTP API asks of the proxy. Called on the server's thread; must not block: each tells
/// its result later, on any thread.
struct AdminRequests {
    /// Asks all clusters and tells the outcome: how many answered, and why others did not.
    using UpdateDone = std::function<void(std::size_t updated, const std::string& errors)>;
    std::function<void(UpdateDone)> update_clusters;
    using ReportDone = std::function<void(const ProxyReport&)>;
    std::function<void(ReportDone)> report;
};

/// The HTTP API, as operators, monitoring and the existing program's scripts use it:
///   GET /                      OK
///   GET /update_clusters       asks all clusters now; answers once the tables are in force
///   GET /live                  OK as long as the process answers
///   GET /ready                 OK if clients are served, else 503 with the reason
///   GET /ready/CLUSTER/PORT    OK if a client of this port finds a backend that accepts it
///   GET /status                everything that is known, as JSON
///   GET /metrics               the same in numbers, as Prometheus reads them
class AdminServer {
  public:
    using Socket = std::shared_ptr<const net::ListeningSocket>;

    AdminServer(Socket socket, AdminRequests requests);

    [[nodiscard]] const Socket& socket() const noexcept { return socket_; }

  private:
    void handle(const daemons::HttpRequest& request, const daemons::HttpServer::Reply& reply);

    const Socket socket_;
    const AdminRequests requests_;
    daemons::HttpServer server_;  // last: its thread uses the others
};

/// What GET of a path under /ready answers. Pure.
[[nodiscard]] daemons::HttpResponse ready_response(const std::string& path,
                                                   const ProxyReport& report);

}  // namespace proxy
