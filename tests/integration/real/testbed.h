#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "integration/proxy_under_test.h"
#include "support/process/psql_session.h"

/// A real cluster (scripts/testbed), started for one test and stopped with it. Only one at a time,
/// because its addresses are fixed.
class Testbed {
  public:
    explicit Testbed(std::vector<std::string> options = {});
    ~Testbed();
    Testbed(const Testbed&) = delete;
    Testbed& operator=(const Testbed&) = delete;

    /// Runs a command of scripts/testbed. Throws with its output if it fails.
    std::string run(const std::vector<std::string>& command,
                    std::chrono::seconds timeout = std::chrono::seconds(90));
    /// What runs and who leads, for a message of failure.
    [[nodiscard]] std::string status() const;

    static constexpr char kStateDir[] = "/tmp/patroni-testbed-ctest";
};

/// A configuration of the cluster `real` with the ports master and replicas; `ports` adds more.
std::string real_config(const std::string& ports = {}, const std::string& scheme = "http",
                        const std::string& more_of_cluster = {});

std::string conninfo(const ProxyUnderTest& proxy, const std::string& port);

/// A file of contrib/haproxy in which every first word is replaced by its second.
std::string contrib(const std::string& file,
                    const std::vector<std::pair<std::string, std::string>>& replaced);

/// Who answers on a port, as "address|in recovery"; empty if nobody does.
std::string who_answers(const ProxyUnderTest& proxy, const std::string& port);

/// A session on the member with this address, through a port that balances, in the middle of a
/// transaction.
std::unique_ptr<support::PsqlSession> session_on(const ProxyUnderTest& proxy,
                                                 const std::string& port,
                                                 const std::string& address);

/// A session in a transaction, and whether it still is the same one.
class HeldSession {
  public:
    explicit HeldSession(std::unique_ptr<support::PsqlSession> session);
    [[nodiscard]] bool untouched();
    [[nodiscard]] support::PsqlSession& session() { return *session_; }

  private:
    std::unique_ptr<support::PsqlSession> session_;
    std::string identity_;
};
