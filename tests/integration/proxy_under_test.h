#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/cluster_json.h"
#include "support/daemon_process.h"
#include "support/fake_backend.h"
#include "support/fake_patroni.h"
#include "support/temp_dir.h"
#include "support/test_client.h"

/// The built patroni_proxy with a configuration file of its own, every port of which is 0: the
/// numbers are read from its log.
class ProxyUnderTest {
  public:
    /// Returns once it listens on everything.
    explicit ProxyUnderTest(const std::string& config);

    /// Of "cluster/port" or "HTTP API".
    [[nodiscard]] std::uint16_t port(const std::string& label) const { return ports_.at(label); }
    [[nodiscard]] support::TestClient connect(const std::string& label) const;
    /// The whole answer of the HTTP API, from the status line on.
    [[nodiscard]] std::string http(const std::string& method, const std::string& path) const;
    /// GET /update_clusters: what the fakes say now is in force afterwards.
    void update_clusters() const;

    [[nodiscard]] support::DaemonProcess& daemon() { return *daemon_; }

  private:
    support::TempDir directory_;
    std::unique_ptr<support::DaemonProcess> daemon_;
    std::map<std::string, std::uint16_t> ports_;
};

/// A cluster of fakes: members b1, b2, ... on addresses of their own that share one port, as in
/// production, each with a Patroni of its own.
class FakeCluster {
  public:
    explicit FakeCluster(std::size_t members, const support::BackendOptions& options = {});

    /// Member number `i` from 0 with a role, running, without lag; changed before it is told.
    [[nodiscard]] support::ClusterMember member(std::size_t i, const std::string& role) const;
    /// Every Patroni names these members from now on, one of them the leader, which proves it.
    void lead_by(std::size_t leader);
    /// What every Patroni answers to GET /cluster from now on.
    void answer_cluster(const std::string& body);
    /// What member number `i` says of itself.
    void answer_primary(std::size_t i, int status, const std::string& role);
    /// A configuration with the ports master (leader), replicas (sync, async) and any.
    [[nodiscard]] std::string config(const std::string& more_of_replicas = {}) const;

    std::vector<std::unique_ptr<support::FakeBackend>> backends;
    std::vector<std::unique_ptr<support::FakePatroni>> patronis;
};
