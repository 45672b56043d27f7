#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/listening_socket.h"
#include "patroni_proxy/acceptor.h"
#include "patroni_proxy/admin_server.h"
#include "patroni_proxy/config.h"
#include "patroni_proxy/topology_feed.h"
#include "patroni_proxy/worker.h"

namespace proxy {

/// The whole proxy, put together from a configuration: listening sockets, workers, one feed for
/// each cluster, and the HTTP API. Used by one thread, the main one.
class Proxy {
  public:
    /// Binds every address, and serves none yet. Throws std::system_error naming the address.
    explicit Proxy(const Config& config);
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;
    ~Proxy();

    /// Starts all threads, and accepts once every cluster has answered or has had its chance to.
    void start();
    /// Ends every session and all threads.
    void stop();

  private:
    struct Port {
        std::string label;  ///< "cluster/port"
        net::ListeningSocket socket;
    };

    void bind_all(const Config& config);
    void make_feeds(const Config& config);
    void publish(std::size_t port, const BackendTablePtr& table);
    void update_all(const AdminServer::UpdateDone& done);
    void start_feeds();
    void accept_clients();

    // Before those who accept at them.
    std::vector<Port> ports_;  // of all clusters, in the order of the file
    net::ListeningSocket admin_socket_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<std::unique_ptr<TopologyFeed>> feeds_;
    std::vector<std::unique_ptr<Acceptor>> acceptors_;
    std::unique_ptr<AdminServer> admin_;
};

}  // namespace proxy
