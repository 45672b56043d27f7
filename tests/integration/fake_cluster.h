#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/fakes/cluster_json.h"
#include "support/fakes/fake_backend.h"
#include "support/fakes/fake_patroni.h"

/// What stands between the braces of a port for writers.
constexpr char kReadWrite[] = "roles: [leader]";

/// The file's lines before the first cluster; `more` goes in between. One poll at the start; later
/// ones when a test asks for them.
std::string config_top(const std::string& more = {});

/// A cluster of fakes: members b1, b2, ... on addresses of their own that share one port, as in
/// production, each with a Patroni of its own.
class FakeCluster {
  public:
    explicit FakeCluster(std::size_t members, const support::BackendOptions& options = {});

    /// Member number `i` from 0 with a role, running, without lag. The test may change it before it
    /// passes it to answer_cluster().
    [[nodiscard]] support::ClusterMember member(std::size_t i, const std::string& role) const;
    /// Every Patroni names these members from now on, one of them the leader, which proves it.
    void lead_by(std::size_t leader);
    /// As in the middle of a switchover.
    void lead_by_nobody() { lead_by(backends.size()); }
    /// What every Patroni answers to GET /cluster from now on.
    void answer_cluster(const std::string& body);
    /// What member number `i` says of itself.
    void answer_primary(std::size_t i, int status, const std::string& role,
                        const std::string& state = "running");
    /// A configuration with the ports master (leader), replicas (sync, async) and any.
    [[nodiscard]] std::string config(const std::string& more_of_replicas = {}) const;
    /// One cluster of a configuration. Ports by name, each with what stands between its braces;
    /// `listen` and `host_port` are added where they are missing.
    [[nodiscard]] std::string section(const std::string& name,
                                      const std::map<std::string, std::string>& ports) const;

    std::vector<std::unique_ptr<support::FakeBackend>> backends;
    std::vector<std::unique_ptr<support::FakePatroni>> patronis;
};
