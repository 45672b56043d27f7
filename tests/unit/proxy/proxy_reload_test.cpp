// What another configuration changes of a proxy that runs, and what it leaves alone.

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "logged.h"
#include "patroni_proxy/proxy.h"
#include "proxy_fixture.h"
#include "support/process/temp_dir.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;
using patroni::RequestedRole;
using support::Closed;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

class ProxyReloadTest : public ProxyTest {
  protected:
    ProxyReloadTest() { config_.drain_timeout = 1h; }

    /// Applies `config_`; what is logged meanwhile.
    std::string apply() {
        std::string problem;
        const auto log = logged_during([&] { problem = proxy_.apply(config_); });
        EXPECT_EQ(problem, "");
        return log;
    }
    std::vector<PortConfig>& main_ports() { return config_.clusters[0].ports; }

    Config config_ = config();
    RunningProxy proxy_{config()};
};

TEST_F(ProxyReloadTest, TheSameAgainChangesNothing) {
    auto on_leader = session_on("b1", kLeader);
    auto on_replica = session_on("b2", kReplica);
    for (int i = 0; i < 3; ++i)
        EXPECT_THAT(apply(), Not(HasSubstr("listening on")));
    expect_alive(on_leader);
    expect_alive(on_replica);
    (void)session_on("b3", kOther);
    EXPECT_THAT(http("/"), EndsWith("OK"));
    EXPECT_EQ(proxy_.report().clusters[0].ports[0].traffic[0].sessions_total, 1U)
        << "what was counted stays";
}

TEST_F(ProxyReloadTest, APortIsAddedWhileASessionLives) {
    auto session = session_on("b1", kLeader);
    main_ports().push_back(port("any", kSpare, RequestedRole::leader));
    EXPECT_THAT(apply(), HasSubstr("main/any: listening on " + address(kSpare).to_string()));
    (void)session_on("b1", kSpare);
    expect_alive(session);
    EXPECT_EQ(proxy_.report().clusters[0].ports.size(), 3U);
}

TEST_F(ProxyReloadTest, AClusterIsAdded) {
    support::FakePatroni patroni;
    patroni.answer_cluster(member("b2", "leader").str());
    auto session = session_on("b1", kLeader);
    config_.clusters.push_back(
        cluster("third", patroni, {port("rw", kSpare, RequestedRole::leader)}));
    (void)apply();
    (void)session_on("b2", kSpare);
    expect_alive(session);
    EXPECT_THAT(update_clusters(), EndsWith("Updated 3 cluster(s)\n"));
}

TEST_F(ProxyReloadTest, OtherRolesKeepTheListenerAndTheSessionsThatStillFit) {
    auto session = session_on("b1", kLeader);
    main_ports()[0].wanted.roles = {RequestedRole::leader, RequestedRole::async};
    EXPECT_THAT(apply(), Not(HasSubstr("listening on")));
    expect_alive(session);
    (void)session_on("b2", kLeader);

    main_ports()[0].wanted.roles = {RequestedRole::async};
    EXPECT_THAT(apply(), Not(HasSubstr("listening on")));
    EXPECT_EQ(session.wait_for_close(), Closed::fin);
    (void)session_on("b2", kLeader);
}

TEST_F(ProxyReloadTest, SettingsOfAPortAreForItsNextClients) {
    auto session = session_on("b1", kLeader);
    main_ports()[0].settings.max_connections = 1;
    (void)apply();
    expect_alive(session);
    EXPECT_EQ(connect(kLeader).wait_for_close(), Closed::fin);
    EXPECT_EQ(proxy_.report().clusters[0].ports[0].refused.at("port_full"), 1U);
    EXPECT_EQ(proxy_.report().clusters[0].ports[0].max_connections, 1U);
    main_ports()[0].settings.max_connections = 2;
    (void)apply();
    (void)session_on("b1", kLeader);
}

TEST_F(ProxyReloadTest, ARemovedPortListensNoMoreAndItsSessionsGoOn) {
    auto session = session_on("b1", kLeader);
    auto other = session_on("b2", kReplica);
    main_ports().erase(main_ports().begin());
    EXPECT_THAT(apply(), HasSubstr("main/rw: removed; its sessions have 1 h to end"));
    EXPECT_TRUE(refuses(kLeader));
    expect_alive(session);
    expect_alive(other);
    EXPECT_EQ(proxy_.report().clusters[0].ports.size(), 1U);
    EXPECT_EQ(proxy_.report().sessions, 2U);
    // Eligibility counts for them as ever.
    main_is("b2", "b1");
    EXPECT_THAT(update_clusters(), EndsWith("Updated 2 cluster(s)\n"));
    EXPECT_EQ(session.wait_for_close(), Closed::fin);
}

TEST_F(ProxyReloadTest, SessionsOfARemovedPortEndWhenItsTimeIsOver) {
    auto session = session_on("b1", kLeader);
    auto other = session_on("b2", kReplica);
    config_.drain_timeout = 50ms;
    main_ports().erase(main_ports().begin());
    (void)apply();
    EXPECT_EQ(session.wait_for_close(), Closed::fin);
    backends_[0]->wait_for_resets(1);
    expect_alive(other);
}

TEST_F(ProxyReloadTest, ARemovedPortThatComesBackIsAnotherOne) {
    auto old_session = session_on("b1", kLeader);
    const auto removed = main_ports()[0];
    main_ports().erase(main_ports().begin());
    (void)apply();
    main_ports().insert(main_ports().begin(), removed);
    EXPECT_THAT(apply(), HasSubstr("main/rw: listening on " + address(kLeader).to_string()));
    auto new_session = session_on("b1", kLeader);
    const auto report = proxy_.report();
    for (const auto& port : report.clusters[0].ports)
        EXPECT_EQ(port.sessions, port.name == "rw" ? 1U : 0U) << "the new one's alone";
    expect_alive(old_session);
    old_session.close();
    support::eventually([&] { return proxy_.report().sessions == 1; }, "the old session to end");
    expect_alive(new_session);
}

TEST_F(ProxyReloadTest, ARemovedClusterThatComesBackServesItsOldSessionsAndNewOnes) {
    auto session = session_on("b3", kOther);
    const auto removed = config_.clusters[1];
    config_.clusters.pop_back();
    (void)apply();
    EXPECT_TRUE(refuses(kOther));
    expect_alive(session);
    EXPECT_THAT(update_clusters(), EndsWith("Updated 1 cluster(s)\n"));
    config_.clusters.push_back(removed);
    (void)apply();
    (void)session_on("b3", kOther);
    expect_alive(session);
    EXPECT_THAT(update_clusters(), EndsWith("Updated 2 cluster(s)\n"));
}

TEST_F(ProxyReloadTest, AnAddressThatIsTakenChangesNothing) {
    auto session = session_on("b1", kLeader);
    const auto taken = net::bind_listening_socket(address(kSpare));
    const auto before = config_;
    main_ports().erase(main_ports().begin());
    main_ports()[0].settings.max_connections = 1;
    config_.listen_address = address(kSpare + 1);
    config_.clusters.push_back(
        cluster("third", other_patroni_, {port("rw", kSpare, RequestedRole::leader)}));
    EXPECT_EQ(proxy_.apply(config_), "third/rw: " + address(kSpare).to_string() +
                                         " cannot be listened on: Address already in use");
    expect_alive(session);
    (void)session_on("b1", kLeader);
    (void)session_on("b2", kReplica);
    EXPECT_TRUE(refuses(kSpare + 1)) << "not even what could be listened on";
    EXPECT_THAT(update_clusters(), EndsWith("Updated 2 cluster(s)\n"));
    EXPECT_EQ(proxy_.report().clusters[0].ports.size(), 2U);
    EXPECT_EQ(proxy_.report().clusters[0].ports[1].max_connections, 0U);
    EXPECT_EQ(proxy_.apply(before), "");
    expect_alive(session);
}

TEST_F(ProxyReloadTest, TheHttpApiMoves) {
    auto session = session_on("b1", kLeader);
    config_.listen_address = address(kSpare);
    EXPECT_THAT(apply(), HasSubstr("HTTP API: listening on " + address(kSpare).to_string()));
    EXPECT_TRUE(refuses(kAdmin));
    EXPECT_THAT(http("/", kSpare), EndsWith("OK"));
    EXPECT_THAT(http("/update_clusters", kSpare), EndsWith("Updated 2 cluster(s)\n"));
    expect_alive(session);
}

TEST_F(ProxyReloadTest, AnUpdateRequestIsAnsweredWhenTheHttpApiMoves) {
    main_patroni_.answer("/cluster", {.fault = support::Fault::stall});
    const auto asked = main_patroni_.requests("/cluster");
    auto client = connect(kAdmin);
    client.send("GET /update_clusters HTTP/1.0\r\n\r\n");
    main_patroni_.wait_for_requests("/cluster", asked + 1);
    config_.listen_address = address(kSpare);
    (void)apply();
    EXPECT_THAT(client.receive_to_eof(), HasSubstr(" 503 "));
    main_patroni_.release("/cluster");
    EXPECT_THAT(http("/", kSpare), EndsWith("OK"));
}

TEST_F(ProxyReloadTest, PortsMaySwapTheirAddressesAndTheApiToo) {
    auto session = session_on("b1", kLeader);
    std::swap(main_ports()[0].listen, main_ports()[1].listen);
    (void)apply();
    (void)session_on("b1", kReplica);
    (void)session_on("b2", kLeader);
    expect_alive(session);

    config_.listen_address = address(kOther);
    config_.clusters[1].ports[0].listen = {address(kAdmin)};
    (void)apply();
    EXPECT_THAT(http("/", kOther), EndsWith("OK"));
    (void)session_on("b3", kAdmin);
}

TEST_F(ProxyReloadTest, AnAddressOfAPortComesAndAnotherGoes) {
    auto session = session_on("b1", kLeader);
    main_ports()[0].listen.push_back(address(kSpare));
    (void)apply();
    (void)session_on("b1", kSpare);
    (void)session_on("b1", kLeader);
    main_ports()[0].listen.erase(main_ports()[0].listen.begin());
    (void)apply();
    EXPECT_TRUE(refuses(kLeader));
    (void)session_on("b1", kSpare);
    expect_alive(session);
}

TEST_F(ProxyReloadTest, OtherHostsOfAClusterAreAsked) {
    support::FakePatroni moved;
    moved.answer_as_replica();
    moved.answer_cluster(member("b3", "replica", member("b1", "leader")).str());
    auto session = session_on("b1", kLeader);
    config_.clusters[0].hosts = {endpoint_of(moved)};
    (void)apply();
    EXPECT_THAT(update_clusters(), EndsWith("Updated 2 cluster(s)\n"));
    (void)session_on("b3", kReplica);
    expect_alive(session);
}

TEST_F(ProxyReloadTest, NamesWithASlashAreToldApart) {
    // Both are "a/b/c" in the log.
    auto both = config();
    both.clusters[0].name = "a/b";
    both.clusters[0].ports.resize(1);
    both.clusters[0].ports[0].name = "c";
    both.clusters[1].name = "a";
    both.clusters[1].ports[0].name = "b/c";
    EXPECT_EQ(proxy_.apply(both), "");
    (void)session_on("b1", kLeader);
    (void)session_on("b3", kOther);
}

TEST_F(ProxyReloadTest, AnotherNumberOfWorkersTakesARestart) {
    config_.workers = 3;
    EXPECT_THAT(apply(), HasSubstr("workers: a change needs a restart; until then, 2 run"));
    EXPECT_EQ(proxy_.report().workers, 2U);
}

TEST_F(ProxyReloadTest, AReloadWhileTheClusterIsSilentKeepsItsTables) {
    auto session = session_on("b1", kLeader);
    main_patroni_.stop();
    main_ports().push_back(port("more", kSpare, RequestedRole::leader));
    (void)apply();
    (void)session_on("b1", kSpare);
    expect_alive(session);
}

}  // namespace
}  // namespace proxy
