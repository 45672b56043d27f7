#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "integration/fake_cluster.h"
#include "support/process/daemon_process.h"
#include "support/process/temp_dir.h"
#include "support/sockets/test_client.h"

/// The built patroni_agent with a configuration file of its own, every port of which is 0: the
/// numbers are read from its log.
class AgentUnderTest {
  public:
    /// Returns once `listeners` addresses are listened on.
    explicit AgentUnderTest(const std::string& config, std::size_t listeners = 1,
                            const support::ProcessOptions& options = {});

    /// Of a listener or "HTTP API".
    [[nodiscard]] std::uint16_t port(const std::string& name) const { return ports_.at(name); }
    /// What HAProxy reads after it has sent `request`.
    [[nodiscard]] std::string ask(const std::string& listener,
                                  const std::string& request = {}) const;
    /// The whole answer of the HTTP API, from the status line on.
    [[nodiscard]] std::string http(const std::string& method, const std::string& path) const;

    /// Writes another file and has it read; returns when that is done. `listeners` that are new.
    void reload(const std::string& config, std::size_t listeners = 0);

    [[nodiscard]] support::DaemonProcess& daemon() { return *daemon_; }

  private:
    void read_ports(std::size_t after, std::size_t count);

    support::TempDir directory_;
    std::string file_;
    std::unique_ptr<support::DaemonProcess> daemon_;
    std::map<std::string, std::uint16_t> ports_;
};

/// A file that asks the first Patroni of a cluster, "c", ten times a second; each of `listeners` is
/// a line: "writes: {listen: ..., roles: [leader]}".
std::string agent_config(const FakeCluster& cluster, const std::vector<std::string>& listeners,
                         const std::string& more = {});
/// "NAME: {listen: "127.0.0.1:0", KEYS}"
std::string listener(const std::string& name, const std::string& keys);
