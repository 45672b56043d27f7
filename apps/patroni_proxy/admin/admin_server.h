#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "daemon/http/http_server.h"
#include "daemon/http/report_requests.h"
#include "net/socket/listening_socket.h"
#include "patroni_proxy/report/report.h"
#include "patroni_proxy/session/selection/session_filter.h"
#include "patroni_proxy/session/selection/session_record.h"

namespace proxy {

/// What the HTTP API needs from the proxy. Called on the server's thread. Must not block: each
/// answers later, on any thread.
struct AdminRequests {
    /// Polls all clusters; reports how many answered, and why others did not.
    using UpdateDone = std::function<void(std::size_t updated, const std::string& errors)>;
    std::function<void(UpdateDone)> update_clusters;
    using ReportDone = std::function<void(const ProxyReport&)>;
    std::function<void(ReportDone)> report;
    using SessionsDone = std::function<void(std::string text)>;
    std::function<void(const SessionFilter&, SessionWriter, SessionsDone)> list_sessions;
    /// Why this client may not see the sessions; nothing if it may. Empty: everybody may.
    std::function<std::optional<daemons::HttpResponse>(const daemons::HttpRequest&)>
        refuse_sessions{};
    /// Answers a request for a change, as to the control socket; false if the path is not one of
    /// those. Empty: there are none.
    std::function<bool(const daemons::HttpRequest&, const daemons::HttpServer::Reply&)> control{};
};

/// The HTTP API, for operators, monitoring and scripts written for the Rust program:
///   GET /                      OK; the page, if a browser asks
///   GET /update_clusters       polls all clusters; answers once the tables are in force
///   GET /live                  OK while the process answers
///   GET /ready                 OK if clients are served, else 503 with the reason
///   GET /ready/CLUSTER/PORT    OK if the port has a backend that accepts sessions
///   GET /status                everything that is known, as JSON
///   GET /history?cluster=NAME  the records of one cluster, or of all, as JSON
///   GET /metrics               the same as numbers, for Prometheus
///   GET /metrics?haproxy       also by the names of HAProxy's exporter
///   GET /;csv, /stats;csv      HAProxy's statistics as CSV; GET /stats: as a page
///   GET /sessions?FILTER       the open sessions, as JSON; see parse_session_filter(). They name
///                              clients and users, so not everybody may see them
class AdminServer {
  public:
    using Socket = std::shared_ptr<const net::ListeningSocket>;

    AdminServer(Socket socket, AdminRequests requests, daemons::HttpOptions options = {},
                const daemons::HttpLimits& limits = {});

    [[nodiscard]] const Socket& socket() const noexcept { return socket_; }
    /// Lets go of the socket, and serves those who are connected.
    void stop_accepting() {
        server_.stop_accepting();
        socket_.reset();
    }

  private:
    void handle(const daemons::HttpRequest& request, const daemons::HttpServer::Reply& reply);
    void answer_history(const daemons::HttpRequest& request,
                        const daemons::HttpServer::Reply& reply);

    Socket socket_;
    const AdminRequests requests_;
    daemons::ReportRequests<ProxyReport> reports_;
    daemons::HttpServer server_;  // last: its thread uses the others
};

/// The answer to GET of a path under /ready. Pure.
[[nodiscard]] daemons::HttpResponse ready_response(const std::string& path,
                                                   const ProxyReport& report);

}  // namespace proxy
