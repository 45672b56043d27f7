#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/loop/event_loop.h"
#include "patroni_proxy/proxy.h"
#include "support/fakes/cluster_json.h"
#include "support/fakes/fake_backend.h"
#include "support/fakes/fake_patroni.h"
#include "support/sockets/test_client.h"
#include "unit/proxy/port/served_port.h"

namespace proxy {

/// A Proxy whose main loop runs on a thread of its own; what is called here is done there.
class RunningProxy {
  public:
    explicit RunningProxy(unsigned workers = 2)
        : proxy_(loop_, workers), thread_([this] { loop_.run(); }) {}
    /// With a configuration in force.
    explicit RunningProxy(const Config& config) : RunningProxy(config.workers) {
        EXPECT_EQ(apply(config), "");
    }
    RunningProxy(const RunningProxy&) = delete;
    RunningProxy& operator=(const RunningProxy&) = delete;
    ~RunningProxy() {
        stop();
        loop_.stop();
        thread_.join();
    }

    /// What is wrong; empty if it is in force.
    std::string apply(const Config& config) {
        // An exception that changed threads TSan would take for a race.
        std::string problem;
        const auto applied = std::make_shared<std::promise<void>>();
        run_on(loop_, [&] {
            try {
                proxy_.apply(config, [applied] { applied->set_value(); });
            } catch (const std::exception& error) {
                problem = error.what();
            }
        });
        if (!problem.empty())
            return problem;
        applied->get_future().wait();
        // The first poll may have ended before the member that Patroni names has said whether it
        // leads; there are several polls per second until it has.
        const auto is_heard = [](const ClusterReport& cluster) {
            return !cluster.leader_reason.ends_with("its own API has not answered yet");
        };
        support::eventually(
            [&] {
                const auto clusters = report().clusters;
                return std::all_of(clusters.begin(), clusters.end(), is_heard);
            },
            "each member that Patroni names as leader to be heard");
        return problem;
    }
    /// Ready once the proxy has drained.
    std::future<void> drain(bool end_idle = false) {
        const auto drained = std::make_shared<std::promise<void>>();
        run_on(loop_, [&] { proxy_.drain(end_idle, [drained] { drained->set_value(); }); });
        return drained->get_future();
    }
    ProxyReport report() {
        ProxyReport report;
        run_on(loop_, [&] { report = proxy_.report(); });
        return report;
    }
    /// What `verb`, called with the Control, returns.
    Outcome operate(const std::function<Outcome(Control&)>& verb) {
        Outcome outcome;
        std::promise<void> in_force;
        run_on(loop_, [&] {
            outcome = verb(proxy_.control());
            proxy_.control().when_in_force([&] { in_force.set_value(); });
        });
        in_force.get_future().wait();
        return outcome;
    }
    void note_reload(const std::string& error) {
        run_on(loop_, [&] { proxy_.note_reload(error); });
    }
    void ping(const std::shared_ptr<void>& token) {
        run_on(loop_, [&] { proxy_.ping(token); });
    }
    void stop() {
        run_on(loop_, [&] { proxy_.stop(); });
    }

  private:
    net::EventLoop loop_;
    Proxy proxy_;
    std::thread thread_;
};

/// A loopback address that is this process's alone, so that ports can be given by number.
inline std::string own_address() {
    const auto pid = static_cast<unsigned>(::getpid());
    return "127." + std::to_string(100 + pid / 65536 % 100) + "." +
           std::to_string(pid / 256 % 256) + "." + std::to_string(pid % 256);
}

inline constexpr std::uint16_t kAdmin = 8009;
inline constexpr std::uint16_t kLeader = 6432;
inline constexpr std::uint16_t kReplica = 6433;
inline constexpr std::uint16_t kOther = 6434;
inline constexpr std::uint16_t kSpare = 6435;

/// Two clusters: "main" of two members with a port for the leader and one for the replica, and
/// "other" of one leader.
class ProxyTest : public testing::Test {
  protected:
    ProxyTest() {
        for (auto* patroni : {&main_patroni_, &other_patroni_})
            patroni->answer_as_replica();
        main_is("b1", "b2");
        other_patroni_.answer_cluster(member("b3", "leader").str());
    }

    /// With an API of its own that says the same.
    support::ClusterJson member(const std::string& name, const std::string& role,
                                support::ClusterJson json = {}) {
        support::FakePatroni& api = apis_[name];
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

    static net::ListenAddress address(std::uint16_t port) {
        return net::ListenAddress(net::SocketAddress::from_ip(own_address(), port).value());
    }
    static patroni::Endpoint endpoint_of(const support::FakePatroni& patroni) {
        return patroni::Endpoint::parse(patroni.url()).value();
    }
    [[nodiscard]] PortConfig port(const std::string& name, std::uint16_t listen,
                                  patroni::RequestedRole role) const {
        PortConfig port;
        port.name = name;
        port.listen = {address(listen)};
        port.wanted.roles = {role};
        port.host_port = backends_[0]->port();
        return port;
    }
    static ClusterConfig cluster(const std::string& name, const support::FakePatroni& patroni,
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
                    {port("rw", kLeader, patroni::RequestedRole::leader),
                     port("ro", kReplica, patroni::RequestedRole::async)}),
            cluster("other", other_patroni_, {port("rw", kOther, patroni::RequestedRole::leader)}),
        };
        return config;
    }

    static support::TestClient connect(std::uint16_t port) { return {own_address(), port}; }
    /// The whole answer of the HTTP API.
    static std::string http(const std::string& path, std::uint16_t port = kAdmin) {
        auto client = connect(port);
        client.send("GET " + path + " HTTP/1.0\r\n\r\n");
        return client.receive_to_eof();
    }
    /// A poll that ends without the leader's own report has waited a second for it: once more then.
    static std::string update_clusters() {
        std::string answer;
        auto took = support::Clock::duration::max();
        for (int i = 0; i < 5 && took >= std::chrono::seconds(1); ++i) {
            const auto begin = support::Clock::now();
            answer = http("/update_clusters");
            took = support::Clock::now() - begin;
        }
        return answer;
    }
    static bool refuses(std::uint16_t port) {
        return support::TestClient::connect_error(own_address(), port) == ECONNREFUSED;
    }
    static void expect_alive(support::TestClient& client) {
        client.send("ping");
        EXPECT_EQ(client.receive(4), "ping");
    }
    /// A session on a port that is led to this member.
    static support::TestClient session_on(const std::string& member, std::uint16_t port) {
        auto client = connect(port);
        EXPECT_EQ(client.receive_line(), member);
        return client;
    }

    std::map<std::string, support::FakePatroni> apis_;
    support::FakePatroni main_patroni_;
    support::FakePatroni other_patroni_;
    std::vector<std::unique_ptr<support::FakeBackend>> backends_ =
        support::FakeBackend::on_one_port(3);
};

}  // namespace proxy
