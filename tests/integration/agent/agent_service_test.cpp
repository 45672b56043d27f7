// The built agent as a service: signals, reloads, maintenance, its HTTP API.

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/socket.h>
#include <sys/un.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_under_test.h"
#include "support/sockets/fd.h"
#include "support/sockets/notify_socket.h"

using support::run;
using support::TestClient;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

namespace {

const std::string kReady = "READY UP # b1: leader\n";

TEST(AgentService, ReloadAddsChangesAndRemovesListeners) {
    FakeCluster cluster(2);
    AgentUnderTest agent(agent_config(cluster, {listener("w", "roles: [leader], member: b1"),
                                                listener("r", "roles: [replica], member: b2")}),
                         2);
    agent.daemon().wait_for_line("w: READY UP");
    agent.daemon().wait_for_line("r: READY UP");
    // Patroni no longer answers: the reload must keep what is known.
    cluster.patronis[0]->hold("/cluster");
    agent.reload(agent_config(cluster, {listener("w", "roles: [leader], member: b2"),
                                        listener("new", "by_request: true")}),
                 1);
    EXPECT_THAT(agent.ask("w"), StartsWith("MAINT DOWN # b2: "));
    EXPECT_EQ(TestClient::connect_error("127.0.0.1", agent.port("r")), ECONNREFUSED);
    EXPECT_THAT(agent.ask("new", "c/b1/leader\n"), StartsWith("READY UP # b1: "));
    cluster.patronis[0]->release("/cluster");
}

TEST(AgentService, AReloadLeavesAConnectionOfAListenerThatStays) {
    FakeCluster cluster(1);
    const std::string config = agent_config(
        cluster, {listener("asked", "by_request: true"), listener("w", "roles: [leader]")});
    AgentUnderTest agent(config, 2);
    agent.daemon().wait_for_line("w: READY UP");
    TestClient client("127.0.0.1", agent.port("asked"));
    client.send("c/b1/");
    EXPECT_EQ(agent.ask("asked", "c/b1/leader\n"), kReady);  // so it has been accepted
    agent.reload(config);
    client.send("leader\n");
    EXPECT_EQ(client.receive_to_eof(), kReady);
}

TEST(AgentService, ABadFileChangesNothing) {
    FakeCluster cluster(1);
    AgentUnderTest agent(
        agent_config(cluster, {listener("w", "roles: [leader]")}, "listen_address: 127.0.0.1:0"),
        2);
    agent.daemon().wait_for_line("w: READY UP");
    agent.reload("interval: x\n");
    EXPECT_THAT(agent.daemon().output(), HasSubstr("reload failed, nothing has changed"));
    EXPECT_EQ(agent.ask("w"), kReady);
    // So does an address that cannot be listened on.
    std::string taken = agent_config(cluster, {listener("other", "roles: [leader]")});
    taken.replace(taken.find("127.0.0.1:0"), 11, cluster.patronis[0]->address());
    agent.reload(taken);
    EXPECT_EQ(agent.ask("w"), kReady);
    EXPECT_THAT(agent.http("GET", "/metrics"),
                AllOf(HasSubstr("patroni_agent_reloads_failed_total 2"),
                      HasSubstr("patroni_agent_reload_last_successful 0")));
}

TEST(AgentService, EndsOnSigtermAndTheNextBindsAtOnce) {
    FakeCluster cluster(1);
    std::string config = agent_config(cluster, {listener("w", "roles: [leader]")});
    std::string address = "127.0.0.1:0";
    for (int i = 0; i < 3; ++i) {
        AgentUnderTest agent(config);
        agent.daemon().wait_for_line("w: READY UP");
        // The agent closes first: it is its side that stays in TIME_WAIT.
        for (int j = 0; j < 10; ++j)
            EXPECT_EQ(agent.ask("w"), kReady);
        agent.daemon().signal(i == 1 ? SIGINT : SIGTERM);
        EXPECT_EQ(agent.daemon().wait_for_exit(), support::ExitStatus{0});
        EXPECT_EQ(TestClient::connect_error("127.0.0.1", agent.port("w")), ECONNREFUSED);
        const std::string same = "127.0.0.1:" + std::to_string(agent.port("w"));
        config.replace(config.find(address), address.size(), same);
        address = same;
    }
}

TEST(AgentService, TellsTheServiceManager) {
    support::NotifySocket manager;
    FakeCluster cluster(1);
    const std::string config = agent_config(cluster, {listener("w", "roles: [leader]")});
    AgentUnderTest agent(config, 1, {.environment = {{"NOTIFY_SOCKET", manager.path()}}});
    EXPECT_THAT(manager.next(), StartsWith("READY=1"));
    agent.reload(config);
    EXPECT_THAT(manager.next(), StartsWith("RELOADING=1"));
    EXPECT_THAT(manager.next(), StartsWith("READY=1"));
    agent.daemon().signal(SIGTERM);
    EXPECT_THAT(manager.next(), StartsWith("STOPPING=1"));
}

TEST(AgentService, MaintenanceStaysWhileItsFileCannotBeLookedAt) {
    FakeCluster cluster(1);
    const support::TempDir directory;
    const std::string parent = directory.path() / "parent";
    const std::string file = parent + "/maintenance";
    std::filesystem::create_directory(parent);
    AgentUnderTest agent(
        agent_config(cluster, {listener("w", "roles: [leader]")}, "maintenance_file: " + file), 1);
    agent.daemon().wait_for_line("w: READY UP");
    // Root may look anywhere, but nobody can follow a link to itself.
    const std::string other = directory.path() / "other";
    std::filesystem::create_symlink("parent", other);
    const auto exchange = [&] {
        ASSERT_EQ(::renameat2(AT_FDCWD, parent.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE),
                  0);
    };
    std::size_t before = agent.daemon().mark();
    exchange();
    agent.daemon().wait_for_line("cannot tell whether it exists; not in maintenance", before);
    EXPECT_EQ(agent.ask("w"), kReady);
    exchange();
    before = agent.daemon().mark();
    ASSERT_EQ(run({AGENT_BINARY, "maintenance", "on", "--file", file}).status.code, 0);
    agent.daemon().wait_for_line("in maintenance", before);
    before = agent.daemon().mark();
    exchange();
    agent.daemon().wait_for_line("cannot tell whether it exists; still in maintenance", before);
    EXPECT_THAT(agent.ask("w"), StartsWith("MAINT DOWN # "));
}

TEST(AgentService, MaintenanceBySubcommand) {
    FakeCluster cluster(1);
    const support::TempDir directory;
    const std::string file = directory.path() / "new" / "maintenance";
    AgentUnderTest agent(agent_config(cluster,
                                      {listener("w", "roles: [leader]"),
                                       listener("asked", "by_request: true, unknown: drain")},
                                      "maintenance_file: " + file),
                         2);
    agent.daemon().wait_for_line("w: READY UP");
    for (int i = 0; i < 2; ++i) {
        std::size_t before = agent.daemon().mark();
        ASSERT_EQ(run({AGENT_BINARY, "maintenance", "on", "--file", file}).status.code, 0);
        agent.daemon().wait_for_line("in maintenance", before);
        EXPECT_EQ(agent.ask("w"), "MAINT DOWN # in maintenance by the operator\n");
        EXPECT_THAT(agent.ask("asked", "c/b1/leader\n"), StartsWith("MAINT DOWN # "));
        before = agent.daemon().mark();
        ASSERT_EQ(run({AGENT_BINARY, "maintenance", "off", "--file", file}).status.code, 0);
        agent.daemon().wait_for_line("no longer in maintenance", before);
        EXPECT_EQ(agent.ask("w"), kReady);
    }
    const std::string config = directory.write(
        "agent.yaml",
        agent_config(cluster, {listener("w", "roles: [leader]")}, "maintenance_file: " + file));
    const auto on = run({AGENT_BINARY, "-f", config, "maintenance", "on"});
    EXPECT_EQ(on.out, file + " exists: in maintenance\n") << on.err;
    EXPECT_TRUE(std::filesystem::exists(file));
    const std::string bad = directory.write("bad.yaml", "nonsense: 1\n");
    EXPECT_THAT(run({AGENT_BINARY, "-f", bad, "maintenance", "on"}).err, HasSubstr("--file PATH"));
    for (int i = 0; i < 2; ++i) {  // the second time it is off already
        const auto off = run({AGENT_BINARY, "maintenance", "--file", file, "off"});
        EXPECT_EQ(off.out, file + " is gone: not in maintenance\n") << off.err;
        EXPECT_FALSE(std::filesystem::exists(file));
    }
    EXPECT_NE(run({AGENT_BINARY, "maintenance"}).status.code, 0);
    EXPECT_EQ(run({AGENT_BINARY, "maintenance", "on", "--file", "/proc/none/x"}).status.code, 1);
}

TEST(AgentService, MaintenanceByFile) {
    FakeCluster cluster(1);
    const std::string config = agent_config(cluster, {listener("w", "roles: [leader]")});
    AgentUnderTest agent(
        agent_config(cluster, {listener("w", "roles: [leader]")}, "maintenance: true"));
    // Even before Patroni has answered, and after.
    EXPECT_EQ(agent.ask("w"), "MAINT DOWN # in maintenance by the operator\n");
    cluster.patronis[0]->wait_for_requests("/primary", 2);
    EXPECT_EQ(agent.ask("w"), "MAINT DOWN # in maintenance by the operator\n");
    agent.reload(config);
    agent.daemon().wait_for_line("w: READY UP");
    EXPECT_EQ(agent.ask("w"), kReady);
    agent.reload(agent_config(cluster, {listener("w", "roles: [leader]")}, "maintenance: true"));
    EXPECT_EQ(agent.ask("w"), "MAINT DOWN # in maintenance by the operator\n");
}

TEST(AgentService, HttpEndpoint) {
    FakeCluster cluster(2);
    const std::string http = "listen_address: 127.0.0.1:0";
    AgentUnderTest agent(
        agent_config(cluster,
                     {listener("w", "roles: [leader]"), listener("asked", "by_request: true")},
                     http),
        3);
    agent.daemon().wait_for_line("w: READY UP");
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(agent.ask("w"), kReady);
    EXPECT_THAT(agent.http("GET", "/live"), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(agent.http("GET", "/status"),
                AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("\"leader\": \"b1\""),
                      HasSubstr("\"reason\": \"b1: leader\""), HasSubstr("\"ready\": 3")));
    // A reload goes on counting, and with the same socket.
    agent.reload(agent_config(cluster, {listener("w", "roles: [leader]")}, http));
    EXPECT_EQ(agent.ask("w"), kReady);
    const std::string answer = agent.http("GET", "/metrics");
    EXPECT_THAT(answer,
                AllOf(StartsWith("HTTP/1.1 200 "),
                      HasSubstr("patroni_agent_replies_total{listener=\"w\",state=\"ready\"} 4"),
                      HasSubstr("patroni_agent_reloads_total 1"), Not(HasSubstr("asked"))));
    const support::TempDir directory;
    const auto check =
        run({"sh", "-c", "exec promtool check metrics <\"$1\"", "-",
             directory.write("metrics", answer.substr(answer.find("\r\n\r\n") + 4))});
    EXPECT_EQ(check.out + check.err, "");
    EXPECT_EQ(check.status, support::ExitStatus{0});
    // Off again.
    const auto port = agent.port("HTTP API");
    agent.reload(agent_config(cluster, {listener("w", "roles: [leader]")}));
    EXPECT_EQ(TestClient::connect_error("127.0.0.1", port), ECONNREFUSED);
    EXPECT_EQ(agent.ask("w"), kReady);
}

}  // namespace
