// systemd keeps the listening sockets while the proxy restarts, or passes those of a .socket unit.

#include <csignal>
#include <filesystem>
#include <string>
#include <sys/socket.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"
#include "support/sockets/notify_socket.h"
#include "support/sockets/socket.h"

using support::NotifySocket;
using support::TestClient;

namespace {

std::string config_on(const FakeCluster& cluster, const std::string& address) {
    return config_top() +
           cluster.section("c", {{"master", "roles: [leader], listen: \"" + address + "\""}});
}

TEST(Restart, ClientsWaitForTheNextProcessAndNoneIsRefused) {
    FakeCluster cluster(1);
    NotifySocket manager;
    const std::pair<std::string, std::string> notify{"NOTIFY_SOCKET", manager.path()};
    ProxyUnderTest before(cluster.config(), {.environment = {notify}});
    const std::string number = std::to_string(before.port("c/master"));
    const std::string name = "127.0.0.1," + number;
    manager.wait_until_kept(name);
    before.daemon().signal(SIGTERM);
    EXPECT_EQ(before.daemon().wait_for_exit().code, 0);
    TestClient client("127.0.0.1", before.port("c/master"));  // connects while nobody accepts
    ProxyUnderTest after(
        config_on(cluster, "127.0.0.1:" + number),
        {.environment = {notify}, .sockets = {{name, manager.kept().at(name).get()}}});
    EXPECT_EQ(client.receive_line(), "b1");
}

TEST(Restart, ASocketThatIsNoLongerWantedIsGivenBack) {
    FakeCluster cluster(1);
    NotifySocket manager;
    ProxyUnderTest proxy(cluster.config(), {.environment = {{"NOTIFY_SOCKET", manager.path()}}});
    const auto port = proxy.port("c/master");
    const std::string name = "127.0.0.1," + std::to_string(port);
    manager.wait_until_kept(name);
    proxy.reload(config_top() + cluster.section("other", {{"p", "roles: [any]"}}));
    manager.wait_until_forgotten(name);
    EXPECT_EQ(TestClient::connect_error("127.0.0.1", port), ECONNREFUSED);
    const std::string next = "127.0.0.1," + std::to_string(proxy.port("other/p"));
    manager.wait_until_kept(next);
    // Nothing new is served during a drain.
    proxy.daemon().signal(SIGUSR1);
    manager.wait_until_forgotten(next);
}

TEST(Restart, ASocketUnitMayNameThePortThatItsSocketIsFor) {
    FakeCluster cluster(1);
    support::ListeningSocket socket("127.0.0.1", 0);
    support::ListeningSocket other("127.0.0.1", 0);
    socket.listen();
    other.listen();
    ProxyUnderTest proxy(cluster.config(),
                         {.sockets = {{"c/master", socket.fd()}, {"odd", other.fd()}}});
    EXPECT_EQ(proxy.port("c/master"), socket.port());
    EXPECT_EQ(proxy.connect("c/master").receive_line(), "b1");
    proxy.daemon().wait_for_line(
        "systemd has passed a socket that listens on 127.0.0.1:" + std::to_string(other.port()) +
        " ('odd'), but the configuration does not listen there; closed");
}

/// A unix socket was moved to its path once it was ready, so the kernel tells another name of it.
TEST(Restart, ClientsOfAUnixSocketWaitAsWell) {
    FakeCluster cluster(1);
    NotifySocket manager;
    const support::TempDir directory;
    const std::string path = directory.path() / "pg.sock";
    const std::pair<std::string, std::string> notify{"NOTIFY_SOCKET", manager.path()};
    const std::string config = config_on(cluster, "unix:" + path);
    ProxyUnderTest before(config, {.environment = {notify}});
    const std::string name = "unix," + path;
    manager.wait_until_kept(name);
    before.daemon().signal(SIGTERM);
    EXPECT_EQ(before.daemon().wait_for_exit().code, 0);
    auto client = TestClient::on_unix(path);
    ProxyUnderTest after(
        config, {.environment = {notify}, .sockets = {{name, manager.kept().at(name).get()}}});
    EXPECT_EQ(client.receive_line(), "b1");
    EXPECT_EQ(TestClient::on_unix(path).receive_line(), "b1");
    after.daemon().signal(SIGTERM);
    EXPECT_EQ(after.daemon().wait_for_exit().code, 0);
    EXPECT_TRUE(std::filesystem::exists(path)) << "for the next process";
}

/// A port that refused its clients when the process ended has a socket that does not listen.
TEST(Restart, APortThatRefusesClientsKeepsItsAddress) {
    FakeCluster cluster(1);
    cluster.lead_by_nobody();
    NotifySocket manager;
    const std::pair<std::string, std::string> notify{"NOTIFY_SOCKET", manager.path()};
    const auto config = [&](const std::string& address) {
        return config_top() +
               cluster.section("c", {{"master", "roles: [leader], no_backend: refuse, listen: \"" +
                                                    address + "\""}});
    };
    ProxyUnderTest before(config("127.0.0.1:0"), {.environment = {notify}});
    const auto port = before.port("c/master");
    const std::string name = "127.0.0.1," + std::to_string(port);
    manager.wait_until_kept(name);
    before.daemon().wait_for_line("refuses connections to 127.0.0.1:" + std::to_string(port));
    before.daemon().signal(SIGTERM);
    EXPECT_EQ(before.daemon().wait_for_exit().code, 0);
    EXPECT_EQ(TestClient::connect_error("127.0.0.1", port), ECONNREFUSED);
    ASSERT_TRUE(manager.kept().contains(name)) << "a socket that does not listen hangs up";
    const int kept = manager.kept().at(name).get();
    ProxyUnderTest after(config("127.0.0.1:" + std::to_string(port)),
                         {.environment = {notify}, .sockets = {{name, kept}}});
    EXPECT_EQ(TestClient::connect_error("127.0.0.1", port), ECONNREFUSED);
    cluster.lead_by(0);
    after.update_clusters();
    EXPECT_EQ(after.connect("c/master").receive_line(), "b1");
    EXPECT_THAT(after.daemon().output(), testing::Not(testing::HasSubstr("systemd has passed")));
    // It is the same socket.
    int listens = 0;
    socklen_t size = sizeof listens;
    EXPECT_EQ(::getsockopt(kept, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size), 0);
    EXPECT_EQ(listens, 1);
}

}  // namespace
