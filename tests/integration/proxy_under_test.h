#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fake_cluster.h"
#include "support/process/daemon_process.h"
#include "support/process/temp_dir.h"
#include "support/sockets/fd.h"
#include "support/sockets/test_client.h"

/// Whether a session with a backend that echoes still gets its bytes there and back.
[[nodiscard]] bool still_echoes(support::TestClient& client);

struct ProxyStart {
    std::vector<std::string> arguments = {};  ///< before the file
    std::vector<std::pair<std::string, std::string>> environment = {};
    std::string ulimit = {};  ///< what the shell sets before: "-n 256"
    /// Listening sockets that it inherits from systemd, with their names.
    std::vector<std::pair<std::string, int>> sockets = {};
    std::string binary = PROXY_BINARY;
};

/// The built patroni_proxy with a configuration file of its own, every port of which is 0: the
/// numbers are read from its log.
class ProxyUnderTest {
  public:
    /// Returns once it listens on everything.
    explicit ProxyUnderTest(const std::string& config, const ProxyStart& start = {});
    /// Also ends the processes that have succeeded the first one.
    ~ProxyUnderTest();
    ProxyUnderTest(const ProxyUnderTest&) = delete;
    ProxyUnderTest& operator=(const ProxyUnderTest&) = delete;

    /// Of "cluster/port" or "HTTP API"; of several addresses the one that starts like `address`.
    [[nodiscard]] std::uint16_t port(const std::string& label,
                                     const std::string& address = {}) const;
    [[nodiscard]] support::TestClient connect(const std::string& label) const;
    /// The whole answer of the HTTP API, from the status line on.
    [[nodiscard]] std::string http(const std::string& method, const std::string& path) const;
    /// The body alone.
    [[nodiscard]] std::string get(const std::string& path) const;
    /// GET /update_clusters: what the fakes say now is in force afterwards.
    void update_clusters() const;
    /// The value that /metrics has for `series`: a name without "patroni_proxy_", with its labels.
    [[nodiscard]] double metric(const std::string& series) const;
    /// Until it has that value.
    void wait_for_metric(const std::string& series, double value) const;

    void write_config(const std::string& config) const;
    /// SIGHUP, and until the log says that all of it is in force.
    void reload();
    void reload(const std::string& config);
    /// The same, where it must fail: what the log says.
    std::string failing_reload(const std::string& config);
    [[nodiscard]] const std::string& config_file() const { return file_; }
    /// SIGUSR2, and until the next process serves.
    void upgrade();
    /// After another way of asking for it.
    void wait_until_upgraded(std::size_t from);
    /// Where it must fail: what the log says.
    std::string failing_upgrade();
    /// Of the process that serves.
    [[nodiscard]] pid_t pid() const;

    [[nodiscard]] std::size_t open_descriptors() const;
    /// RssAnon: memory of its own, without files and what it shares.
    [[nodiscard]] std::size_t memory_kb() const;

    [[nodiscard]] support::DaemonProcess& daemon() { return *daemon_; }

  private:
    void read_listening_lines(std::size_t from);
    void wait_for_named_leaders();

    support::TempDir directory_;
    std::string file_;
    std::unique_ptr<support::DaemonProcess> daemon_;
    struct Successor {
        pid_t pid;
        support::Fd pidfd;
    };
    std::vector<Successor> successors_;
    std::map<std::string, std::vector<std::string>> addresses_;
};
