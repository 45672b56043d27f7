#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/socket_address.h"
#include "patroni/cluster_watcher.h"
#include "patroni_proxy/backend_table.h"
#include "patroni_proxy/config.h"

namespace proxy {

/// Turns what a cluster's watcher learns into one table for each of the cluster's ports.
/// Works on the watcher's thread: HTTP and DNS stay away from the loops, which get finished values.
class TopologyFeed {
  public:
    /// Puts a table of the cluster's port number `port` in force on all workers, and returns then.
    using Publish = std::function<void(std::size_t port, BackendTablePtr)>;
    /// Told why a round failed; an empty text if it did not.
    using Done = std::function<void(const std::string& error)>;

    TopologyFeed(const ClusterConfig& cluster, std::chrono::milliseconds interval, Publish publish);

    [[nodiscard]] const std::string& cluster_name() const noexcept { return cluster_.name; }

    void start() { watcher_.start(); }
    void stop() { watcher_.stop(); }
    /// Any thread: asks the cluster anew and tells `done` once the tables are in force.
    void update_now(Done done);

  private:
    void on_poll(const patroni::PollResult& result);
    void publish_tables(const patroni::ClusterSnapshot& snapshot);
    BackendPtr backend_of(const patroni::Member& member, std::uint16_t port);
    void log_changes(const patroni::PollResult& result);

    const ClusterConfig cluster_;
    const Publish publish_;
    // The watcher's thread only.
    patroni::SnapshotPtr snapshot_;
    std::string last_errors_;
    std::map<std::string, net::SocketAddress> resolved_;  // last address of each host name
    std::map<std::pair<std::string, std::string>, std::weak_ptr<Backend>> backends_;
    patroni::ClusterWatcher watcher_;  // last: its thread uses the others
};

}  // namespace proxy
