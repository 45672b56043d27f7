// What operators change of a running proxy.

#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy_fixture.h"
#include "support/process/temp_dir.h"
#include "unit/proxy/logged.h"
#include "unit/proxy/postgres/postgres_bytes.h"

namespace proxy {
namespace {

using support::Closed;
using support::TestClient;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const Caller kCaller{"uid 0, pid 42"};

class ProxyControlTest : public ProxyTest {
  protected:
    /// The answer to a request on the control socket.
    std::string ask(const std::string& method, const std::string& target) {
        auto client = TestClient::on_unix(socket_);
        client.send(method + " " + target + " HTTP/1.0\r\n\r\n");
        return client.receive_to_eof();
    }
    Config with_control() {
        Config config = this->config();
        config.control = OperatorSocket{.socket = net::ListenAddress::parse(socket_), .group = {}};
        return config;
    }

    support::TempDir dir_;
    const std::string socket_ = dir_.path().string() + "/control.sock";
    Outcome drain(const std::string& member) {
        return proxy_.operate(
            [&](Control& control) { return control.drain("main", member, {}, {}, kCaller); });
    }
    Outcome ready(const std::string& member) {
        return proxy_.operate(
            [&](Control& control) { return control.ready("main", member, {}, kCaller); });
    }

    RunningProxy proxy_{with_control()};
};

TEST_F(ProxyControlTest, ADrainKeepsSessionsAndLetsNoNewOnesIn) {
    auto session = session_on("b1", kLeader);
    EXPECT_TRUE(drain("b1").changed);
    EXPECT_EQ(connect(kLeader).wait_for_close(), Closed::fin);
    expect_alive(session);
    EXPECT_TRUE(ready("b1").changed);
    (void)session_on("b1", kLeader);
    expect_alive(session);
}

TEST_F(ProxyControlTest, ADrainSurvivesPollsAndReloadsAndIsReported) {
    EXPECT_EQ(drain("b9").message, "no member b9 in cluster main; it has b1, b2");
    EXPECT_TRUE(drain("b1").changed);
    (void)update_clusters();
    auto other = with_control();
    other.clusters[0].ports[0].settings.max_connections = 7;
    EXPECT_EQ(proxy_.apply(other), "");
    EXPECT_EQ(connect(kLeader).wait_for_close(), Closed::fin);
    const auto report = proxy_.report();
    ASSERT_EQ(report.clusters[0].operator_settings.size(), 1U);
    EXPECT_EQ(report.clusters[0].operator_settings[0].setting, "drain");
    EXPECT_EQ(report.clusters[0].operator_settings[0].member, "b1");
    EXPECT_EQ(report.clusters[0].operator_settings[0].by, "uid 0, pid 42");
    EXPECT_EQ(report.clusters[0].ports[0].members[0].reason, "drained by uid 0, pid 42");
    EXPECT_THAT(http("/metrics"),
                HasSubstr("patroni_proxy_operator_setting{cluster=\"main\",setting=\"drain\","
                          "member=\"b1\"} 1\n"));
    (void)ready("b1");
    EXPECT_THAT(http("/metrics"), Not(HasSubstr("operator_setting")));
}

TEST_F(ProxyControlTest, TheControlSocketTakesVerbsAndNamesTheCaller) {
    std::string answer;
    const auto log = logged_during(
        [&] { answer = ask("POST", "/members/main/b1/drain?why=new%20kernel&for=2h"); });
    EXPECT_THAT(answer, HasSubstr("200 OK"));
    EXPECT_THAT(answer, HasSubstr("\"changed\": true"));
    EXPECT_THAT(log, HasSubstr("main/b1: drained by uid " + std::to_string(::getuid()) + ", pid " +
                               std::to_string(::getpid()) + ": new kernel for 2 h\n"));
    EXPECT_EQ(connect(kLeader).wait_for_close(), Closed::fin)
        << "it was in force before the answer";
    EXPECT_THAT(ask("POST", "/members/main/b7/drain"), HasSubstr("it has b1, b2"));
    EXPECT_THAT(ask("GET", "/members/main/b1/ready"), HasSubstr("405 Method Not Allowed"));
    EXPECT_THAT(ask("GET", "/status"), HasSubstr("\"setting\": \"drain\""));
    EXPECT_THAT(ask("POST", "/members/main/b1/ready"), HasSubstr("\"changed\": true"));
    (void)session_on("b1", kLeader);
}

TEST_F(ProxyControlTest, TheControlSocketIsForItsOwnerUnlessAModeSaysOtherwise) {
    struct stat file {};
    ASSERT_EQ(::stat(socket_.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777U, 0600U);
    auto wider = with_control();
    wider.control->mode = 0660;
    EXPECT_EQ(proxy_.apply(wider), "");
    ASSERT_EQ(::stat(socket_.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777U, 0660U);
    EXPECT_EQ(proxy_.apply(config()), "");
    EXPECT_NE(::stat(socket_.c_str(), &file), 0) << "without the key there is no socket";
}

TEST_F(ProxyControlTest, OnTheHttpApiVerbsNeedATokenThatIsConfigured) {
    const auto post = [](const std::string& header) {
        auto client = connect(kAdmin);
        client.send("POST /members/main/b1/drain HTTP/1.0\r\n" + header + "\r\n");
        return client.receive_to_eof();
    };
    EXPECT_THAT(post(""), HasSubstr(" 403 "));
    auto open = with_control();
    open.http.control_token = "0123456789abcdef";
    EXPECT_EQ(proxy_.apply(open), "");
    EXPECT_THAT(post(""), HasSubstr(" 401 "));
    EXPECT_TRUE(proxy_.report().clusters[0].operator_settings.empty());
    EXPECT_THAT(post("Authorization: Bearer 0123456789abcdef\r\n"), HasSubstr(" 200 "));
    EXPECT_EQ(proxy_.report().clusters[0].operator_settings[0].by, "HTTP API 127.0.0.1");
}

TEST_F(ProxyControlTest, AHeldPortServesItsClientsOnceItIsReleased) {
    EXPECT_THAT(ask("POST", "/ports/main/rw/hold"), HasSubstr("\"changed\": true"));
    auto client = connect(kLeader);
    support::eventually([&] { return proxy_.report().clusters[0].ports[0].queued == 1; },
                        "the client to be held");
    EXPECT_EQ(proxy_.report().clusters[0].ports[0].operator_settings[0].setting, "hold");
    EXPECT_EQ(connect(kReplica).receive_line(), "b2");
    EXPECT_EQ(proxy_.apply(with_control()), "") << "a reload is no release";
    EXPECT_THAT(ask("POST", "/ports/main/rw/release"), HasSubstr("\"changed\": true"));
    EXPECT_EQ(client.receive_line(), "b1");
}

TEST_F(ProxyControlTest, ADisabledPortRefusesItsClientsAndSaysWhy) {
    auto told = with_control();
    told.clusters[0].ports[0].settings.no_backend = NoBackend::postgres_error;
    EXPECT_EQ(proxy_.apply(told), "");
    auto session = session_on("b1", kLeader);
    EXPECT_THAT(ask("POST", "/ports/main/rw/disable?why=migration"), HasSubstr(" 200 "));
    auto client = connect(kLeader);
    client.send(startup_packet());
    EXPECT_THAT(client.receive_to_eof(), HasSubstr(": migration (since "));
    expect_alive(session);
    EXPECT_EQ(proxy_.report().clusters[0].ports[0].refused.at("port_disabled"), 1U);
    EXPECT_THAT(ask("POST", "/ports/main/rw/enable"), HasSubstr(" 200 "));
    (void)session_on("b1", kLeader);
}

TEST_F(ProxyControlTest, ACappedMemberGetsNoMoreSessionsThanThat) {
    EXPECT_THAT(ask("POST", "/members/main/b1/cap?sessions=1"), HasSubstr(" 200 "));
    auto session = session_on("b1", kLeader);
    EXPECT_EQ(connect(kLeader).wait_for_close(), Closed::fin);
    EXPECT_THAT(ask("POST", "/members/main/b1/cap?sessions=none"), HasSubstr(" 200 "));
    (void)session_on("b1", kLeader);
    expect_alive(session);
}

TEST_F(ProxyControlTest, CloseAnswersAsEveryVerb) {
    auto session = session_on("b1", kLeader);
    EXPECT_THAT(ask("POST", "/sessions/close?member=b2"),
                AllOf(HasSubstr("\"changed\": false"),
                      HasSubstr("\"message\": \"0 sessions closed\""), HasSubstr("\"closed\": 0")));
    expect_alive(session);
    EXPECT_THAT(ask("POST", "/sessions/close?member=b1"),
                AllOf(HasSubstr("\"changed\": true"),
                      HasSubstr("\"message\": \"1 session closed\""), HasSubstr("\"closed\": 1")));
    session.wait_for_close();
}

TEST_F(ProxyControlTest, AFrozenClusterFollowsPatroniAgainOnceItIsUnfrozen) {
    EXPECT_THAT(ask("POST", "/clusters/main/freeze"), HasSubstr(" 200 "));
    main_patroni_.answer_cluster(member("b9", "replica").str());
    (void)update_clusters();
    (void)session_on("b1", kLeader);
    EXPECT_THAT(http("/status"), HasSubstr("routing ignores what Patroni says"));
    main_is("b2", "b1");
    EXPECT_THAT(ask("POST", "/clusters/main/unfreeze"), HasSubstr(" 200 "));
    support::eventually(
        [&] {
            (void)update_clusters();
            return proxy_.report().clusters[0].leader == "b2";
        },
        "b2 to lead");
    (void)session_on("b2", kLeader);
}

TEST_F(ProxyControlTest, AClusterWithoutALeaderIsNotFrozen) {
    main_patroni_.answer_cluster(member("b1", "replica", member("b2", "replica")).str());
    support::eventually(
        [&] {
            (void)update_clusters();
            return proxy_.report().clusters[0].leader.empty();
        },
        "nobody to lead");
    EXPECT_THAT(ask("POST", "/clusters/main/freeze"),
                AllOf(HasSubstr(" 409 "), HasSubstr("cannot be frozen now: no member leads")));
    main_is("b1", "b2");
    (void)update_clusters();
    EXPECT_THAT(ask("POST", "/clusters/main/freeze"), HasSubstr(" 200 "));
}

TEST_F(ProxyControlTest, OtherHostsOfAFrozenClusterAreFollowedOnceItIsUnfrozen) {
    EXPECT_THAT(ask("POST", "/clusters/main/freeze"), HasSubstr(" 200 "));
    auto moved = with_control();
    moved.clusters[0].hosts = {endpoint_of(other_patroni_)};
    EXPECT_EQ(proxy_.apply(moved), "");
    (void)update_clusters();
    EXPECT_EQ(proxy_.report().clusters[0].leader, "b1");
    EXPECT_THAT(http("/status"), HasSubstr("its other hosts are followed once it is unfrozen"));
    (void)session_on("b1", kLeader);
    EXPECT_THAT(ask("POST", "/clusters/main/unfreeze"), HasSubstr(" 200 "));
    support::eventually(
        [&] {
            (void)update_clusters();
            return proxy_.report().clusters[0].leader == "b3";
        },
        "the other hosts' leader");
    EXPECT_THAT(http("/status"), Not(HasSubstr("once it is unfrozen")));
    (void)session_on("b3", kLeader);
}

TEST_F(ProxyControlTest, AReloadBindsUnixSocketsAnewWhoseFilesAreGone) {
    const std::string haproxy = dir_.path().string() + "/haproxy.sock";
    const std::string port = dir_.path().string() + "/.s.PGSQL.6432";
    auto on_unix = with_control();
    on_unix.haproxy.socket = net::ListenAddress::parse(haproxy);
    on_unix.clusters[0].ports[0].listen.push_back(*net::ListenAddress::parse(port));
    EXPECT_EQ(proxy_.apply(on_unix), "");
    auto session = TestClient::on_unix(port);
    EXPECT_EQ(session.receive_line(), "b1");
    for (const auto& path : {socket_, haproxy, port})
        EXPECT_EQ(::unlink(path.c_str()), 0) << path;
    EXPECT_EQ(proxy_.apply(on_unix), "");
    EXPECT_THAT(ask("GET", "/live"), HasSubstr(" 200 "));
    auto tool = TestClient::on_unix(haproxy);
    tool.send("show version\n");
    EXPECT_NE(tool.receive_to_eof(), "");
    EXPECT_EQ(TestClient::on_unix(port).receive_line(), "b1");
    expect_alive(session);
}

TEST_F(ProxyControlTest, WhatOperatorsConnectToIsNotLeftToSessions) {
    const auto with_socket = proxy_.report().max_connections;
    EXPECT_EQ(proxy_.apply(config()), "");
    EXPECT_EQ(proxy_.report().max_connections, with_socket + 64)
        << "two descriptors a session, and 128 connections of the control socket";
}

TEST_F(ProxyControlTest, TheReportKeepsTheOrderOfTheFile) {
    auto reversed = with_control();
    std::swap(reversed.clusters[0].ports[0], reversed.clusters[0].ports[1]);
    std::swap(reversed.clusters[0], reversed.clusters[1]);
    EXPECT_EQ(proxy_.apply(reversed), "");
    main_patroni_.answer_cluster(member("b1", "leader", member("b2", "replica")).str());
    (void)update_clusters();
    const auto report = proxy_.report();
    ASSERT_EQ(report.clusters.size(), 2U);
    const auto& main = report.clusters[1];
    EXPECT_EQ(main.name, "main");
    ASSERT_EQ(main.ports.size(), 2U);
    EXPECT_EQ(main.ports[0].name, "ro");
    EXPECT_EQ(main.members[0].name, "b1") << "whatever the order of Patroni's answer";
    EXPECT_EQ(main.ports[1].members[0].member, "b1");
    EXPECT_EQ(main.ports[1].members[0].address,
              "127.0.0.21:" + std::to_string(backends_[0]->port()));
    ASSERT_TRUE(main.members[0].since.has_value());
    EXPECT_GE(*main.members[0].since, report.started_at - 1);
    EXPECT_TRUE(main.ports[1].members[0].since.has_value());
    EXPECT_TRUE(main.leader_since.has_value());
}

}  // namespace
}  // namespace proxy
