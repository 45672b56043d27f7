// Where a port listens: IPv6, several addresses, unix sockets.

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"

using support::TestClient;

namespace {

TEST(Listen, SeveralAddressesOfAllKinds) {
    const support::TempDir directory;
    const std::string path = directory.path() / ".s.PGSQL.6432";
    FakeCluster cluster(1);
    {
        ProxyUnderTest proxy(
            config_top() + cluster.section("c", {{"p",
                                                  "roles: [leader], listen_mode: \"0770\", "
                                                  "listen: [\"127.0.0.1:0\", \"[::1]:0\", \"unix:" +
                                                      path + "\"]"}}));
        TestClient v4("127.0.0.1", proxy.port("c/p", "127.0.0.1"));
        TestClient v6("::1", proxy.port("c/p", "[::1]"));
        TestClient local = TestClient::on_unix(path);
        for (TestClient* client : {&v4, &v6, &local}) {
            EXPECT_EQ(client->receive_line(), "b1");
            client->send("SELECT 1\n");
            EXPECT_EQ(client->receive_line(), "SELECT 1");
        }
        EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0770));
        v6.close();
        proxy.daemon().wait_for_match("session ended: .*client=\\[::1\\]:[0-9]+");
        // A reload leaves all three as they are.
        proxy.reload();
        EXPECT_EQ(TestClient::on_unix(path).receive_line(), "b1");
        EXPECT_EQ(TestClient("::1", proxy.port("c/p", "[::1]")).receive_line(), "b1");
        local.send("SELECT 2\n");
        EXPECT_EQ(local.receive_line(), "SELECT 2");
    }
    EXPECT_FALSE(std::filesystem::exists(path));  // it takes its socket with it
}

TEST(Listen, WildcardOfIPv6TakesIPv4AsWell) {
    FakeCluster cluster(1);
    ProxyUnderTest proxy(config_top() +
                         cluster.section("c", {{"p",
                                                "roles: [leader], listen: \"[::]:0\", "
                                                "allow: [\"127.0.0.1\"]"}}));
    EXPECT_EQ(proxy.connect("c/p").receive_line(), "b1");  // and `allow` knows it as IPv4
    TestClient("::1", proxy.port("c/p")).wait_for_close();
}

TEST(Listen, AddressMayMoveFromOnePortToAnother) {
    const support::TempDir directory;
    const std::string path = directory.path() / "s";
    const std::string listen = ", listen: \"" + path + "\"";
    FakeCluster cluster(2);
    ProxyUnderTest proxy(config_top() +
                         cluster.section("c", {{"master", "roles: [leader]" + listen}}));
    TestClient session = TestClient::on_unix(path);
    EXPECT_EQ(session.receive_line(), "b1");
    proxy.reload(config_top() + cluster.section("c", {{"other", "roles: [async]" + listen}}));
    EXPECT_EQ(TestClient::on_unix(path).receive_line(), "b2");
    session.send("drains\n");
    EXPECT_EQ(session.receive_line(), "drains");
}

TEST(Listen, RemovedUnixSocketLeavesNothing) {
    const support::TempDir directory;
    const std::string path = directory.path() / "s";
    FakeCluster cluster(1);
    const std::map<std::string, std::string> both{{"p", "roles: [any]"},
                                                  {"u", "roles: [any], listen: \"" + path + "\""}};
    ProxyUnderTest proxy(config_top() + cluster.section("c", both));
    TestClient session = TestClient::on_unix(path);
    session.receive_line();
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::all);
    proxy.reload(config_top() + cluster.section("c", {{"p", "roles: [any]"}}));
    EXPECT_FALSE(std::filesystem::exists(path));
    session.send("drains\n");
    EXPECT_EQ(session.receive_line(), "drains");
}

}  // namespace
