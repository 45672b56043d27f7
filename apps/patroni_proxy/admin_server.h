#pragma once

#include <functional>
#include <string>

#include "daemon/http_server.h"
#include "net/listening_socket.h"

namespace proxy {

/// The HTTP API, as operators and the existing program's scripts use it:
///   GET /                 OK
///   GET /update_clusters  asks all clusters now; answers once the tables are in force
class AdminServer {
  public:
    /// Asks all clusters and tells the outcome: how many answered, and why others did not.
    using UpdateDone = std::function<void(std::size_t updated, const std::string& errors)>;
    using UpdateClusters = std::function<void(UpdateDone)>;

    /// `update_clusters` is called on the server's thread and must not block.
    /// `socket` outlives it.
    AdminServer(const net::ListeningSocket& socket, UpdateClusters update_clusters);

  private:
    void handle(const daemons::HttpRequest& request, const daemons::HttpServer::Reply& reply);

    UpdateClusters update_clusters_;
    daemons::HttpServer server_;  // last: its thread uses the others
};

}  // namespace proxy
