// A real cluster of etcd, Patroni and PostgreSQL behind the built proxy, used through real psql.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy_under_test.h"
#include "support/psql_session.h"

using support::PsqlSession;
using support::RunResult;
using namespace std::chrono_literals;

namespace {

/// The testbed, brought up for one test and taken down with it.
class Testbed {
  public:
    explicit Testbed(std::vector<std::string> options) {
        run("down", {}, 60s);
        options.insert(options.begin(), "up");
        run(options[0], {options.begin() + 1, options.end()}, 120s);
    }
    ~Testbed() {
        try {
            run("down", {}, 60s);
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
        }
    }
    Testbed(const Testbed&) = delete;
    Testbed& operator=(const Testbed&) = delete;

    std::string run(const std::string& command, std::vector<std::string> arguments,
                    std::chrono::seconds timeout) {
        std::vector<std::string> argv{TESTBED, "--state-dir", "/tmp/patroni-testbed-ctest",
                                      command};
        argv.insert(argv.end(), arguments.begin(), arguments.end());
        const RunResult result = support::run(argv, {}, timeout);
        if (result.status.code != 0)
            throw std::runtime_error("testbed " + command + ": " + result.out + result.err);
        return result.out;
    }
};

constexpr char kConfig[] = R"(
cluster_update_interval: 1
listen_address: 127.0.0.1:0
clusters:
  real:
    hosts: ["http://127.0.0.11:8008", "http://127.0.0.12:8008", "http://127.0.0.13:8008"]
    ports:
      master: {listen: "127.0.0.1:0", roles: ["leader"], host_port: 5432}
      replicas: {listen: "127.0.0.1:0", roles: ["sync", "async"], host_port: 5432}
)";

std::string conninfo(const ProxyUnderTest& proxy, const std::string& port) {
    return "host=127.0.0.1 port=" + std::to_string(proxy.port("real/" + port)) +
           " user=postgres dbname=postgres connect_timeout=10";
}

/// Who answers on a port, as "address|in recovery"; empty if nobody does.
std::string who_answers(const ProxyUnderTest& proxy, const std::string& port) {
    const RunResult result =
        support::psql_once(conninfo(proxy, port), "SELECT inet_server_addr(), pg_is_in_recovery()");
    return result.status.code == 0 ? result.out.substr(0, result.out.find('\n')) : std::string{};
}

/// A session on a given member through the replica port, in the middle of a transaction.
std::unique_ptr<PsqlSession> session_on(const ProxyUnderTest& proxy, const std::string& address) {
    // The port balances: the next session lands on another member while these are open.
    std::vector<std::unique_ptr<PsqlSession>> others;
    for (int i = 0; i < 4; ++i) {
        auto session = std::make_unique<PsqlSession>(conninfo(proxy, "replicas"));
        if (session->query("SELECT host(inet_server_addr())").value() == address) {
            session->query("BEGIN");
            return session;
        }
        others.push_back(std::move(session));
    }
    throw std::runtime_error("no session on " + address);
}

TEST(RealCluster, RoutesByRoleThroughSwitchoverAndKill) {
    Testbed testbed({"--members", "3", "--tags", "p3:nofailover=true"});
    const ProxyUnderTest proxy(kConfig);
    EXPECT_EQ(who_answers(proxy, "master"), "127.0.0.11|f");
    EXPECT_THAT(who_answers(proxy, "replicas"), testing::EndsWith("|t"));

    const auto reader = session_on(proxy, "127.0.0.13");
    const std::string reader_pid = reader->query("SELECT pg_backend_pid()").value();
    const auto reader_is_untouched = [&] {
        const auto answer = reader->query("SELECT pg_backend_pid()");
        return answer.alive && answer.value() == reader_pid;
    };
    PsqlSession writer(conninfo(proxy, "master"));
    ASSERT_TRUE(writer.alive());

    testbed.run("switchover", {"--to", "p2"}, 60s);
    EXPECT_TRUE(writer.wait_for_closed(10s));
    support::eventually([&] { return who_answers(proxy, "master") == "127.0.0.12|f"; }, 10s,
                        "the leader port to reach p2");
    EXPECT_THAT(who_answers(proxy, "replicas"), testing::EndsWith("|t"));
    EXPECT_TRUE(reader_is_untouched());

    PsqlSession second_writer(conninfo(proxy, "master"));
    ASSERT_TRUE(second_writer.alive());
    testbed.run("kill", {"p2"}, 60s);
    EXPECT_TRUE(second_writer.wait_for_closed(10s));
    // Patroni elects once the leader's key has expired (ttl 20).
    support::eventually([&] { return who_answers(proxy, "master") == "127.0.0.11|f"; }, 60s,
                        "the leader port to reach p1");
    EXPECT_EQ(who_answers(proxy, "replicas"), "127.0.0.13|t");
    EXPECT_TRUE(reader_is_untouched());
    EXPECT_EQ(reader->query("COMMIT").error, "");
}

}  // namespace
