#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "patroni/cluster_watcher.h"
#include "patroni/judge.h"
#include "patroni/resolver.h"
#include "patroni_proxy/backend_table.h"
#include "patroni_proxy/config.h"

namespace proxy {

/// Turns what is known of a cluster into one table for each of the cluster's ports.
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
    struct Port {
        PortConfig config;
        patroni::Judge judge;
        BackendTablePtr table;
    };

    void on_view(const patroni::ClusterView& view);
    void on_round(const patroni::ClusterWatcher::Round& round);
    void publish_if_changed(std::size_t index, const BackendTable& table);
    void look_up_hosts(const patroni::ClusterSnapshot& snapshot);
    [[nodiscard]] Located locate(const patroni::Member& member,
                                 std::optional<std::uint16_t> host_port,
                                 patroni::Clock::time_point deadline);
    void log_view(const patroni::ClusterView& view);

    const ClusterConfig cluster_;
    const Publish publish_;
    // The watcher's thread only.
    std::vector<Port> ports_;
    Overrides overrides_;
    std::map<std::pair<std::string, std::string>, std::weak_ptr<Backend>> backends_;
    std::string logged_members_;
    std::string logged_leader_;
    std::string logged_errors_;
    std::vector<std::string> logged_warnings_;
    patroni::ClusterWatcher watcher_;  // last: its thread uses the others
};

}  // namespace proxy
