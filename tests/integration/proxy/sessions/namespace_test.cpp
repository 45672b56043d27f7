// What takes a network of its own: a peer that is gone without a word, for the cable between it and
// the proxy is cut, and a host that has no local port left.

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"
#include "support/sockets/fd.h"
#include "support/sockets/network_namespace.h"

using support::NetworkNamespace;
using support::TestClient;
using namespace std::chrono_literals;

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

/// A host that has a few local ports only.
class FewPorts : public testing::Test {
  protected:
    /// All that there are towards this address are taken for as long as the result lives.
    static std::vector<support::Fd> take_ports_towards(const support::FakeBackend& backend) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(backend.port());
        EXPECT_EQ(::inet_pton(AF_INET, backend.ip().c_str(), &address.sin_addr), 1);
        std::vector<support::Fd> taken;
        // One that was closed a moment ago is free again after a second.
        for (const auto pause : {0ms, 1'200ms}) {
            std::this_thread::sleep_for(pause);
            for (int error = 0; error == 0;) {
                support::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
                error = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                                  sizeof address) == 0
                            ? 0
                            : errno;
                if (error == 0)
                    taken.push_back(std::move(fd));
                else
                    EXPECT_EQ(error, EADDRNOTAVAIL);
            }
        }
        return taken;
    }
};

TEST_F(FewPorts, ThatNoneIsLeftIsHeldAgainstNoMember) {
    ASSERT_TRUE(NetworkNamespace::possible()) << "needs to be root, with network namespaces";
    const NetworkNamespace here;
    const auto visit = here.enter();
    const auto backends = support::FakeBackend::on_one_port(2);
    support::FakePatroni patroni;
    support::ClusterJson members;
    for (const auto& backend : backends)
        members.member({.name = backend->name(),
                        .role = backend == backends.front() ? "leader" : "replica",
                        .state = "running",
                        .api_url = patroni.url() + "/patroni",
                        .host = backend->ip(),
                        .port = backend->port(),
                        .timeline = 1,
                        .lag = 0});
    patroni.answer_cluster(members.str());
    patroni.answer("/primary",
                   {.body = R"({"state": "running", "role": "primary", "timeline": 1})"});
    ProxyUnderTest proxy(config_top() + "  c:\n    hosts: [\"" + patroni.url() +
                         "\"]\n    ports: {p: {listen: \"127.0.0.1:0\", roles: [any], "
                         "no_backend: postgres_error}}\n");
    proxy.wait_for_metric("port_backends_eligible{cluster=\"c\",port=\"p\"}", 2);
    std::ofstream("/proc/sys/net/ipv4/ip_local_port_range") << "50000 50039";
    std::vector<TestClient> clients;
    const auto errors_of_8 = [&] {
        int errors = 0;
        for (int i = 0; i < 8; ++i) {
            clients.push_back(proxy.connect("c/p"));
            clients.back().send(std::string("\0\0\0\x0d\0\3\0\0user\0", 13));
            errors += clients.back().receive(3).front() == 'b' ? 0 : 1;
        }
        return errors;
    };
    const auto taken = take_ports_towards(*backends[0]);
    ASSERT_FALSE(taken.empty());
    EXPECT_EQ(errors_of_8(), 0) << "who was led to b1 is led on";

    const auto taken_too = take_ports_towards(*backends[1]);
    const int refused = errors_of_8();
    EXPECT_GT(refused, 0);
    // b1, which has no sessions, was tried first.
    proxy.daemon().wait_for_line(
        "refused: this host lacks the resources to connect to a backend: towards b2 at " +
        backends[1]->address() + ": Cannot assign requested address");
    const std::string labels = "{cluster=\"c\",port=\"p\",member=\"b1\"}";
    EXPECT_EQ(proxy.metric("member_reachable" + labels), 1);
    EXPECT_EQ(proxy.metric("backend_connect_failures_total" + labels), 0);
    proxy.wait_for_metric("port_refused_total{cluster=\"c\",port=\"p\",reason=\"no_resources\"}",
                          refused);
}

INSTANTIATE_TEST_SUITE_P(Keepalive, CutCable, testing::Values(kKeepalive));
INSTANTIATE_TEST_SUITE_P(UserTimeout, CutCable, testing::Values(kUserTimeout));

}  // namespace
