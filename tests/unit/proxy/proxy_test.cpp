#include "patroni_proxy/proxy.h"

#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/cluster_json.h"
#include "support/fake_backend.h"
#include "support/fake_patroni.h"
#include "support/test_client.h"

namespace proxy {
namespace {

using patroni::RequestedRole;
using support::BackendOptions;
using support::Closed;
using support::ClusterJson;
using support::FakeBackend;
using support::FakePatroni;
using support::TestClient;
using testing::EndsWith;
using testing::HasSubstr;

/// A loopback address that is this process's alone, so that ports can be given by number.
std::string own_address() {
    const auto pid = static_cast<unsigned>(::getpid());
    return "127." + std::to_string(100 + pid / 65536 % 100) + "." +
           std::to_string(pid / 256 % 256) + "." + std::to_string(pid % 256);
}

constexpr std::uint16_t kAdmin = 8009;
constexpr std::uint16_t kLeader = 6432;
constexpr std::uint16_t kReplica = 6433;
constexpr std::uint16_t kOther = 6434;

/// Two clusters: "main" of two members with a port for the leader and one for the replica, and
/// "other" of one leader.
class ProxyTest : public testing::Test {
  protected:
    ProxyTest() {
        main_is("b1", "b2");
        other_patroni_.answer_cluster(member("b3", "leader").str());
    }

    /// With an API of its own that says the same.
    ClusterJson member(const std::string& name, const std::string& role, ClusterJson json = {}) {
        FakePatroni& api = apis_[name];
        const bool leads = role == "leader";
        api.answer("/primary", {.status = leads ? 200 : 503,
                                .body = std::string(R"({"state": "running", "role": ")") +
                                        (leads ? "primary" : "replica") + "\"}"});
        return json.member({.name = name,
                            .role = role,
                            .state = "running",
                            .api_url = api.url() + "/patroni",
                            .host = "127.0.0.2" + name.substr(1),
                            .lag = 0});
    }
    void main_is(const std::string& leader, const std::string& replica) {
        main_patroni_.answer_cluster(member(replica, "replica", member(leader, "leader")).str());
    }

    static net::SocketAddress address(std::uint16_t port) {
        return net::SocketAddress::from_ip(own_address(), port).value();
    }
    static patroni::Endpoint endpoint_of(const FakePatroni& patroni) {
        return patroni::Endpoint::parse(patroni.url()).value();
    }
    [[nodiscard]] PortConfig port(const std::string& name, std::uint16_t listen,
                                  RequestedRole role) const {
        PortConfig port;
        port.name = name;
        port.listen = address(listen);
        port.wanted.roles = {role};
        port.host_port = backends_[0]->port();
        return port;
    }
    static ClusterConfig cluster(const std::string& name, const FakePatroni& patroni,
                                 std::vector<PortConfig> ports) {
        ClusterConfig cluster;
        cluster.name = name;
        cluster.hosts = {endpoint_of(patroni)};
        cluster.ports = std::move(ports);
        return cluster;
    }
    [[nodiscard]] Config config() const {
        Config config;
        config.cluster_update_interval = std::chrono::hours(1);
        config.listen_address = address(kAdmin);
        config.workers = 2;
        config.clusters = {
            cluster("main", main_patroni_,
                    {port("rw", kLeader, RequestedRole::leader),
                     port("ro", kReplica, RequestedRole::async)}),
            cluster("other", other_patroni_, {port("rw", kOther, RequestedRole::leader)}),
        };
        return config;
    }

    static TestClient connect(std::uint16_t port) { return {own_address(), port}; }
    static std::string update_clusters() {
        auto client = connect(kAdmin);
        client.send("GET /update_clusters HTTP/1.0\r\n\r\n");
        return client.receive_to_eof();
    }

    std::map<std::string, FakePatroni> apis_;
    FakePatroni main_patroni_;
    FakePatroni other_patroni_;
    std::vector<std::unique_ptr<FakeBackend>> backends_ = FakeBackend::on_one_port(3);
};

TEST_F(ProxyTest, RoutesEachPortFromItsFirstConnectionOn) {
    Proxy proxy(config());
    proxy.start();
    EXPECT_EQ(connect(kLeader).receive_line(), "b1");
    EXPECT_EQ(connect(kReplica).receive_line(), "b2");
    EXPECT_EQ(connect(kOther).receive_line(), "b3");
}

TEST_F(ProxyTest, FollowsASwitchoverOnceTold) {
    Proxy proxy(config());
    proxy.start();
    auto on_leader = connect(kLeader);
    auto on_replica = connect(kReplica);
    auto on_other = connect(kOther);
    EXPECT_EQ(on_leader.receive_line(), "b1");
    EXPECT_EQ(on_replica.receive_line(), "b2");
    EXPECT_EQ(on_other.receive_line(), "b3");

    main_is("b2", "b1");
    EXPECT_THAT(update_clusters(), EndsWith("\r\n\r\nUpdated 2 cluster(s)\n"));
    EXPECT_EQ(on_leader.wait_for_close(), Closed::fin);
    EXPECT_EQ(on_replica.wait_for_close(), Closed::fin);
    EXPECT_EQ(connect(kLeader).receive_line(), "b2");
    EXPECT_EQ(connect(kReplica).receive_line(), "b1");
    on_other.send("alive");
    EXPECT_EQ(on_other.receive(5), "alive");
}

TEST_F(ProxyTest, AnUpdateNamesTheClusterThatFailed) {
    Proxy proxy(config());
    proxy.start();
    other_patroni_.answer("/cluster", {.status = 503});
    const auto answer = update_clusters();
    EXPECT_THAT(answer, HasSubstr(" 502 "));
    EXPECT_THAT(answer, HasSubstr("\r\n\r\nUpdated 1 cluster(s); failed: other: " +
                                  other_patroni_.url() + ": status 503 Service Unavailable"));
    // What was known stays in force.
    EXPECT_EQ(connect(kOther).receive_line(), "b3");
}

TEST_F(ProxyTest, StartsWhileAClusterIsDownAndServesItLater) {
    other_patroni_.stop();
    Proxy proxy(config());
    proxy.start();
    EXPECT_EQ(connect(kLeader).receive_line(), "b1");
    EXPECT_EQ(connect(kOther).wait_for_close(), Closed::fin);
    other_patroni_.start();
    EXPECT_THAT(update_clusters(), EndsWith("\r\n\r\nUpdated 2 cluster(s)\n"));
    EXPECT_EQ(connect(kOther).receive_line(), "b3");
}

TEST_F(ProxyTest, AnAddressThatIsTakenIsNamedBeforeAnyoneIsServed) {
    const Proxy first(config());
    try {
        const Proxy second(config());
        FAIL() << "two on one address";
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code().value(), EADDRINUSE);
        EXPECT_THAT(error.what(), HasSubstr("cannot listen on " + address(kAdmin).to_string()));
    }
}

TEST_F(ProxyTest, StopEndsSessionsAndListening) {
    Proxy proxy(config());
    proxy.start();
    auto client = connect(kLeader);
    (void)client.receive_line();
    proxy.stop();
    EXPECT_EQ(client.wait_for_close(), Closed::fin);
    for (const std::uint16_t port : {kAdmin, kLeader, kReplica, kOther})
        EXPECT_EQ(TestClient::connect_error(own_address(), port), ECONNREFUSED) << port;
}

TEST_F(ProxyTest, StopEndsAnUpdateThatSomebodyWaitsFor) {
    Proxy proxy(config());
    proxy.start();
    main_patroni_.answer("/cluster", {.fault = support::Fault::stall});
    const std::size_t before = main_patroni_.requests("/cluster");
    auto client = connect(kAdmin);
    client.send("GET /update_clusters HTTP/1.0\r\n\r\n");
    main_patroni_.wait_for_requests("/cluster", before + 1);
    proxy.stop();
    (void)client.wait_for_close();
}

TEST_F(ProxyTest, WithoutClustersThereIsNothingToUpdate) {
    Config nothing = config();
    nothing.clusters.clear();
    Proxy proxy(nothing);
    proxy.start();
    EXPECT_THAT(update_clusters(), EndsWith("\r\n\r\nUpdated 0 cluster(s)\n"));
}

}  // namespace
}  // namespace proxy
