// The PROXY protocol with a real HAProxy in front of the proxy, and behind it.

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/fake_cluster.h"
#include "integration/proxy_under_test.h"
#include "support/process/daemon_process.h"
#include "support/process/temp_dir.h"
#include "support/sockets/test_client.h"
#include "support/wait.h"

using support::TestClient;
using testing::HasSubstr;

namespace {

constexpr char kHaproxy[] = "127.0.0.20";
constexpr std::uint16_t kPort = 5000;

/// HAProxy with one port on kHaproxy.
class Haproxy {
  public:
    Haproxy(const std::string& bind, const std::string& server)
        : process_(
              {"/usr/sbin/haproxy", "-db", "-f",
               directory_.write("haproxy.cfg",
                                "defaults\n mode tcp\n timeout connect 2s\n timeout client 1m\n"
                                " timeout server 1m\nlisten p\n bind " +
                                    std::string(kHaproxy) + ":" + std::to_string(kPort) + " " +
                                    bind + "\n server s " + server + "\n")}) {}

  private:
    support::TempDir directory_;
    support::DaemonProcess process_;
};

/// Once HAProxy listens and its server is up.
TestClient connect_through(const std::string& first_line) {
    std::unique_ptr<TestClient> client;
    support::eventually(
        [&] {
            try {
                client = std::make_unique<TestClient>(kHaproxy, kPort);
                return client->receive_line() == first_line;
            } catch (const std::exception&) {
                return false;
            }
        },
        "HAProxy to pass a client on");
    return std::move(*client);
}

TEST(RealProxyProtocol, OfAnHaproxyInFront) {
    for (const std::string version : {"send-proxy", "send-proxy-v2"}) {
        const FakeCluster cluster(1);
        const ProxyUnderTest proxy(
            config_top() + cluster.section("c", {{"p",
                                                  "roles: [leader], proxy_protocol: required, "
                                                  "proxy_protocol_from: 127.0.0.0/8"}}));
        const Haproxy haproxy("", "127.0.0.1:" + std::to_string(proxy.port("c/p")) + " " + version +
                                      " check inter 100ms");
        TestClient client = connect_through("b1");
        EXPECT_THAT(proxy.get("/sessions"),
                    HasSubstr("127.0.0.1:" + std::to_string(client.local_port())))
            << version;
        client.send("hello\n");
        EXPECT_EQ(client.receive_line(), "hello");
    }
}

TEST(RealProxyProtocol, OfAnHaproxyBehind) {
    const support::FakeBackend backend({.name = "behind"});
    support::FakePatroni patroni;
    patroni.answer_cluster(support::ClusterJson()
                               .member({.name = "b1",
                                        .role = "leader",
                                        .state = "running",
                                        .api_url = patroni.url() + "/patroni",
                                        .host = kHaproxy,
                                        .port = kPort,
                                        .timeline = 1})
                               .str());
    patroni.answer("/primary",
                   {.body = R"({"state": "running", "role": "primary", "timeline": 1})"});
    const Haproxy haproxy("accept-proxy", backend.address());
    for (const std::string version : {"v1", "v2"}) {
        const ProxyUnderTest proxy(config_top() + "  c:\n    hosts: [\"" + patroni.url() +
                                   "\"]\n    ports: {p: {listen: \"127.0.0.1:0\", roles: [leader], "
                                   "send_proxy: " +
                                   version + "}}\n");
        support::eventually(
            [&] {
                TestClient client = proxy.connect("c/p");
                try {
                    return client.receive_line() == "behind";
                } catch (const std::exception&) {
                    return false;  // HAProxy does not listen yet
                }
            },
            version + " to be understood");
    }
}

}  // namespace
