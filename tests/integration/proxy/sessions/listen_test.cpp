// Where a port listens: IPv6, several addresses, unix sockets.

#include <cerrno>
#include <csignal>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"
#include "support/sockets/network_namespace.h"

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

class Refusing : public testing::Test {
  protected:
    /// The whole answer of the control socket.
    [[nodiscard]] std::string post(const std::string& target) const {
        auto client = TestClient::on_unix(dir_.path() / "control.sock");
        client.send("POST " + target + " HTTP/1.0\r\n\r\n");
        return client.receive_to_eof();
    }
    [[nodiscard]] std::string config(const std::string& port) const {
        return config_top() + cluster_.section("c", {{"p", port}, {"q", "roles: [any]"}});
    }
    static int connect_error(const ProxyUnderTest& proxy) {
        return TestClient::connect_error("127.0.0.1", proxy.port("c/p"));
    }
    ProxyStart start() { return {.environment = {{"RUNTIME_DIRECTORY", dir_.path().string()}}}; }

    support::TempDir dir_;
    FakeCluster cluster_{2};
};

constexpr char kRefuses[] = "roles: [leader], no_backend: refuse";

TEST_F(Refusing, ThePortListensOnlyWhileItHasABackend) {
    ProxyUnderTest proxy(config(kRefuses), start());
    TestClient session = proxy.connect("c/p");
    EXPECT_EQ(session.receive_line(), "b1");
    for (const std::size_t leader : {1U, 0U}) {
        cluster_.lead_by_nobody();
        proxy.update_clusters();
        proxy.daemon().wait_for_line("c/p: refuses connections to 127.0.0.1:");
        EXPECT_EQ(connect_error(proxy), ECONNREFUSED);
        EXPECT_THAT(proxy.get("/status"),
                    testing::ContainsRegex("\"listen\": ?\\[[[:space:]]*\\]"));
        EXPECT_EQ(proxy.connect("c/q").receive_line()[0], 'b') << "another port goes on";
        cluster_.lead_by(leader);
        proxy.update_clusters();
        support::eventually([&] { return connect_error(proxy) == 0; }, "it to listen again");
        EXPECT_EQ(proxy.connect("c/p").receive_line(), cluster_.backends[leader]->name());
    }
}

TEST_F(Refusing, BeginsWithTheFirstAnswerThatNamesALeader) {
    cluster_.lead_by_nobody();
    ProxyUnderTest proxy(config(kRefuses), start());
    support::eventually([&] { return connect_error(proxy) == ECONNREFUSED; }, "a refusal");
    cluster_.lead_by(0);
    proxy.update_clusters();
    support::eventually([&] { return connect_error(proxy) == 0; }, "it to listen");
    EXPECT_EQ(proxy.connect("c/p").receive_line(), "b1");
}

TEST_F(Refusing, GoesByWhatOperatorsSet) {
    ProxyUnderTest proxy(config(kRefuses), start());
    EXPECT_THAT(post("/ports/c/p/disable"), testing::HasSubstr("\"changed\": true"));
    EXPECT_EQ(connect_error(proxy), ECONNREFUSED);
    EXPECT_THAT(post("/ports/c/p/enable"), testing::HasSubstr("\"changed\": true"));
    EXPECT_EQ(proxy.connect("c/p").receive_line(), "b1");
    EXPECT_THAT(post("/members/c/b1/drain"), testing::HasSubstr("\"changed\": true"));
    EXPECT_EQ(connect_error(proxy), ECONNREFUSED);
    // Held clients wait, so they are let in.
    EXPECT_THAT(post("/ports/c/p/hold?for=1h"), testing::HasSubstr("\"changed\": true"));
    TestClient held = proxy.connect("c/p");
    EXPECT_THAT(post("/members/c/b1/ready"), testing::HasSubstr("\"changed\": true"));
    EXPECT_THAT(post("/ports/c/p/release"), testing::HasSubstr("\"changed\": true"));
    EXPECT_EQ(held.receive_line(), "b1");
}

TEST_F(Refusing, AReloadPutsTheNewKeyInForceAtOnce) {
    ProxyUnderTest proxy(config(kRefuses), start());
    const auto port = proxy.port("c/p");
    cluster_.lead_by_nobody();
    proxy.update_clusters();
    EXPECT_EQ(connect_error(proxy), ECONNREFUSED);
    proxy.reload(config("roles: [leader], no_backend: close"));
    TestClient("127.0.0.1", port).wait_for_close();
    proxy.reload(config(kRefuses));
    EXPECT_EQ(TestClient::connect_error("127.0.0.1", port), ECONNREFUSED);
}

TEST_F(Refusing, AnAddressThatMovesToAnotherPortListens) {
    ProxyUnderTest first(config(kRefuses), start());
    const std::string address = "127.0.0.1:" + std::to_string(first.port("c/p"));
    first.daemon().signal(SIGTERM);
    EXPECT_EQ(first.daemon().wait_for_exit().code, 0);
    const std::string listen = ", listen: \"" + address + "\"";
    cluster_.lead_by_nobody();
    ProxyUnderTest proxy(config_top() + cluster_.section("c", {{"p", kRefuses + listen}}));
    support::eventually([&] { return connect_error(proxy) == ECONNREFUSED; }, "a refusal");
    const auto port = proxy.port("c/p");
    proxy.reload(config_top() + cluster_.section("c", {{"r", "roles: [async]" + listen}}));
    EXPECT_EQ(TestClient("127.0.0.1", port).receive_line()[0], 'b');
}

TEST(Listen, OnAnAddressThatTheHostGetsLater) {
    ASSERT_TRUE(support::NetworkNamespace::possible()) << "needs to be root";
    const support::NetworkNamespace host;
    const auto visit = host.enter();
    FakeCluster cluster(1);
    const auto section = [&](const std::string& more) {
        return cluster.section("c", {{"p", "roles: [leader], listen: \"10.99.0.5:6432\"" + more}});
    };
    ProxyUnderTest proxy(config_top("freebind: true\n") + section(""));
    EXPECT_THAT(proxy.failing_reload(
                    config_top() +
                    section(", freebind: false")
                        .replace(section(", freebind: false").find("0.5:6432"), 8, "0.6:6432")),
                testing::HasSubstr("c/p: 10.99.0.6:6432 cannot be listened on: Cannot assign "
                                   "requested address; with freebind: true the address may come "
                                   "later"));
    host.ip("addr add 10.99.0.5/32 dev lo");
    EXPECT_EQ(TestClient("10.99.0.5", 6432).receive_line(), "b1");
    host.ip("addr del 10.99.0.5/32 dev lo");
    host.ip("addr add 10.99.0.5/32 dev lo");
    EXPECT_EQ(TestClient("10.99.0.5", 6432).receive_line(), "b1");
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
