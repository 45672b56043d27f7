// A peer that is gone without a word: the cable between it and the proxy is cut.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy_under_test.h"
#include "support/network_namespace.h"

using support::NetworkNamespace;
using support::TestClient;

namespace {

constexpr char kHere[] = "10.99.0.1";
constexpr char kThere[] = "10.99.0.2";
constexpr char kKeepalive[] = "tcp_keepalive: 1s\n";
// Sent bytes are not asked about, and keepalive is not to be what finds it.
constexpr char kUserTimeout[] = "tcp_keepalive: 0\ntcp_user_timeout: 1s\n";

class CutCable : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        ASSERT_TRUE(NetworkNamespace::possible()) << "needs to be root, with network namespaces";
        here_ = std::make_unique<NetworkNamespace>();
        there_ = std::make_unique<NetworkNamespace>();
        here_->connect_to(*there_, kHere, kThere);
    }
    static std::string config(const support::FakePatroni& patroni) {
        return config_top(GetParam()) + "  c:\n    hosts: [\"" + patroni.url() +
               "\"]\n    ports: {p: {listen: \"0.0.0.0:0\", roles: [any]}}\n";
    }
    static void name_member(support::FakePatroni& patroni, const support::FakeBackend& backend) {
        patroni.answer_cluster(support::ClusterJson()
                                   .member({.name = "b1",
                                            .role = "leader",
                                            .state = "running",
                                            .api_url = patroni.url() + "/patroni",
                                            .host = backend.ip(),
                                            .port = backend.port(),
                                            .timeline = 1})
                                   .str());
        patroni.answer("/primary",
                       {.body = R"({"state": "running", "role": "primary", "timeline": 1})"});
    }
    /// Something is on its way where only that is looked at.
    static bool sends() { return GetParam() == kUserTimeout; }

    std::unique_ptr<NetworkNamespace> here_;
    std::unique_ptr<NetworkNamespace> there_;
};

TEST_P(CutCable, TowardsTheBackendEndsTheSession) {
    std::unique_ptr<support::FakeBackend> backend;
    {
        const auto visit = there_->enter();
        backend = std::make_unique<support::FakeBackend>(
            support::BackendOptions{.name = "b1", .ip = kThere});
    }
    const auto visit = here_->enter();
    support::FakePatroni patroni;
    name_member(patroni, *backend);
    ProxyUnderTest proxy(config(patroni));
    TestClient client = proxy.connect("c/p");
    EXPECT_EQ(client.receive_line(), "b1");
    there_->ip("link set veth down");
    if (sends())
        client.send("are you there?\n");
    const auto begin = support::Clock::now();
    client.wait_for_close();
    EXPECT_LT(support::Clock::now() - begin, std::chrono::seconds(8));
    proxy.daemon().wait_for_line("reason=backend_failed");
}

TEST_P(CutCable, TowardsTheClientEndsTheSession) {
    const auto visit = here_->enter();
    support::FakeBackend backend({.name = "b1"});
    support::FakePatroni patroni;
    name_member(patroni, backend);
    ProxyUnderTest proxy(config(patroni));
    std::unique_ptr<TestClient> client;
    {
        const auto other_visit = there_->enter();
        client = std::make_unique<TestClient>(kHere, proxy.port("c/p"));
    }
    EXPECT_EQ(client->receive_line(), "b1");
    there_->ip("link set veth down");
    if (sends())
        backend.send_all("are you there?\n");
    backend.wait_for_sessions(0);
    proxy.daemon().wait_for_line("reason=client_failed");
}

INSTANTIATE_TEST_SUITE_P(Keepalive, CutCable, testing::Values(kKeepalive));
INSTANTIATE_TEST_SUITE_P(UserTimeout, CutCable, testing::Values(kUserTimeout));

}  // namespace
