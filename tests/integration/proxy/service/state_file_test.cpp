// What the process before knew, and what operators had set, while Patroni is down at the start.

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"

using support::TestClient;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

namespace {

class StateFile : public testing::Test {
  protected:
    [[nodiscard]] std::string config(const std::string& more = {}) const {
        return config_top("state_file: " + path_ + "\n" + more) +
               cluster_.section("c", {{"rw", "roles: [leader], queue_timeout: 20s"},
                                      {"ro", "roles: [replica], queue_timeout: 20s"}});
    }
    ProxyStart start() { return {.environment = {{"RUNTIME_DIRECTORY", dir_.path().string()}}}; }
    [[nodiscard]] std::string post(const std::string& target) const {
        auto client = TestClient::on_unix(dir_.path() / "control.sock");
        client.send("POST " + target + " HTTP/1.0\r\n\r\n");
        return client.receive_to_eof();
    }
    [[nodiscard]] std::string text() const {
        std::ifstream file(path_);
        std::ostringstream content;
        content << file.rdbuf();
        return content.str();
    }
    void wait_until_written(const std::string& what) const {
        support::eventually([&] { return text().find(what) != std::string::npos; },
                            what + " in the state file");
    }
    /// A proxy has known the cluster, and its leader.
    void learn() {
        ProxyUnderTest proxy(config(), start());
        wait_until_written("\"leader\": \"b1\"");
        end(proxy);
    }
    static void end(ProxyUnderTest& proxy) {
        proxy.daemon().signal(SIGTERM);
        EXPECT_EQ(proxy.daemon().wait_for_exit().code, 0);
    }
    void stop_patronis() const {
        for (const auto& patroni : cluster_.patronis)
            patroni->stop();
    }
    static std::string first_line(ProxyUnderTest& proxy, const std::string& port) {
        return proxy.connect(port).receive_line();
    }

    support::TempDir dir_;
    const std::string path_ = dir_.path() / "state";
    FakeCluster cluster_{2};
};

TEST_F(StateFile, ClientsAreServedWhilePatroniIsDown) {
    learn();
    stop_patronis();
    ProxyUnderTest proxy(config(), start());
    EXPECT_EQ(first_line(proxy, "c/rw"), "b1");
    EXPECT_EQ(first_line(proxy, "c/ro"), "b2");
    EXPECT_THAT(proxy.get("/status"), HasSubstr("clients are routed by the state file of"));
    // Patroni's word replaces it.
    for (const auto& patroni : cluster_.patronis)
        patroni->start();
    cluster_.lead_by(1);
    proxy.update_clusters();
    support::eventually([&] { return first_line(proxy, "c/rw") == "b2"; }, "the new leader");
    EXPECT_THAT(proxy.get("/status"), Not(HasSubstr("state file")));
}

TEST_F(StateFile, AWriterStaysWhenPatroniComesBack) {
    learn();
    stop_patronis();
    ProxyUnderTest proxy(config(), start());
    TestClient writer = proxy.connect("c/rw");
    EXPECT_EQ(writer.receive_line(), "b1");
    for (const auto& patroni : cluster_.patronis)
        patroni->start();
    cluster_.lead_by(0);
    proxy.update_clusters();
    proxy.wait_for_metric("cluster_leader_known{cluster=\"c\"}", 1);
    proxy.update_clusters();
    EXPECT_THAT(proxy.get("/status"), Not(HasSubstr("state file")));
    writer.send("still here\n");
    EXPECT_EQ(writer.receive_line(), "still here");
    EXPECT_EQ(first_line(proxy, "c/rw"), "b1");
}

TEST_F(StateFile, AReloadThatLeadsToAnotherClusterForgetsIt) {
    learn();
    stop_patronis();
    ProxyUnderTest proxy(config(), start());
    EXPECT_EQ(first_line(proxy, "c/rw"), "b1");
    FakeCluster other(1);
    other.patronis[0]->stop();
    proxy.reload(config_top("state_file: " + path_ + "\n") +
                 other.section("c", {{"rw", "roles: [leader]"}, {"ro", "roles: [replica]"}}));
    for (const std::string port : {"c/rw", "c/ro"})
        proxy.connect(port).wait_for_close();
    EXPECT_THAT(proxy.get("/status"), Not(HasSubstr("state file")));
}

TEST_F(StateFile, ALeaderThatDeniesItselfGetsNoWriter) {
    learn();
    cluster_.answer_primary(0, 503, "replica");
    // The only host gives no answer of /cluster, but speaks for itself.
    cluster_.patronis[0]->answer("/cluster", {.status = 503});
    ProxyUnderTest proxy(
        config_top("state_file: " + path_ + "\n") +
            cluster_.section("c", {{"rw", "roles: [leader]"}, {"ro", "roles: [replica]"}}),
        start());
    EXPECT_EQ(first_line(proxy, "c/ro"), "b2");
    support::eventually(
        [&] { return proxy.get("/status").find("but its API answers 503") != std::string::npos; },
        "the denial");
    proxy.connect("c/rw").wait_for_close();
}

TEST_F(StateFile, AFileThatCannotBeUsedIsHarmless) {
    learn();
    std::string damaged = text();
    damaged[damaged.size() / 2] ^= 1;
    const std::string good = text();
    stop_patronis();
    for (const std::string& content :
         {std::string(), std::string("garbage"), damaged, good.substr(0, good.size() / 2)}) {
        std::ofstream(path_, std::ios::trunc) << content;
        ProxyUnderTest proxy(config_top("state_file: " + path_ + "\n") +
                                 cluster_.section("c", {{"rw", "roles: [leader]"}}),
                             start());
        EXPECT_THAT(proxy.daemon().output(), HasSubstr("the state file is not used, or not all"));
        proxy.connect("c/rw").wait_for_close();
        end(proxy);
    }
}

TEST_F(StateFile, OfAnotherClusterIsNotUsed) {
    learn();
    FakeCluster other(1);
    other.patronis[0]->stop();
    ProxyUnderTest proxy(
        config_top("state_file: " + path_ + "\n") + other.section("c", {{"rw", "roles: [leader]"}}),
        start());
    EXPECT_THAT(proxy.daemon().output(),
                HasSubstr("the state file is not used for cluster c: it is about"));
    proxy.connect("c/rw").wait_for_close();
}

TEST_F(StateFile, WhatOperatorsSetSurvivesARestart) {
    {
        ProxyUnderTest proxy(config(), start());
        EXPECT_THAT(post("/members/c/b2/drain?why=kernel"), HasSubstr("\"changed\": true"));
        EXPECT_THAT(post("/ports/c/rw/disable?for=1h"), HasSubstr("\"changed\": true"));
        wait_until_written("\"disable\"");
        proxy.daemon().signal(SIGKILL);
        (void)proxy.daemon().wait_for_exit();
    }
    ProxyUnderTest proxy(config(), start());
    EXPECT_THAT(proxy.daemon().output(), AllOf(HasSubstr("c/b2: still drained by uid "),
                                               HasSubstr("c/rw: still disabled by uid ")));
    proxy.connect("c/rw").wait_for_close();
    EXPECT_THAT(post("/ports/c/rw/enable"), HasSubstr("\"changed\": true"));
    EXPECT_EQ(first_line(proxy, "c/rw"), "b1");
    TestClient reader = proxy.connect("c/ro");
    EXPECT_THAT(post("/members/c/b2/ready"), HasSubstr("\"changed\": true"));
    EXPECT_EQ(reader.receive_line(), "b2");
}

TEST_F(StateFile, WhatIsSetJustBeforeTheEndSurvivesToo) {
    const std::string last = "/members/c/b2/drain?port=";
    {
        ProxyUnderTest proxy(config(), start());
        wait_until_written("\"leader\": \"b1\"");
        for (const std::string port : {"rw", "ro"}) {
            EXPECT_THAT(post("/ports/c/" + port + "/disable"), HasSubstr("\"changed\": true"));
            EXPECT_THAT(post(last + port), HasSubstr("\"changed\": true"));
        }
        end(proxy);
    }
    for (const std::string port : {"rw", "ro"})
        EXPECT_THAT(text(), AllOf(HasSubstr("\"port\": \"" + port + "\""), HasSubstr("\"drain\""),
                                  HasSubstr("\"disable\"")));
    ProxyUnderTest proxy(config(), start());
    EXPECT_THAT(proxy.daemon().output(),
                AllOf(HasSubstr("c/ro: still disabled by uid "),
                      HasSubstr("c/b2 on port ro: still drained by uid ")));
}

TEST_F(StateFile, AfterAnUpgradeTheNewProcessWritesIt) {
    {
        ProxyUnderTest proxy(config(), start());
        wait_until_written("\"leader\": \"b1\"");
        proxy.upgrade();
        EXPECT_THAT(post("/members/c/b2/drain?why=kernel"), HasSubstr("\"changed\": true"));
        wait_until_written("\"drain\"");
        ::kill(proxy.pid(), SIGKILL);
    }
    stop_patronis();
    ProxyUnderTest proxy(config(), start());
    EXPECT_EQ(first_line(proxy, "c/rw"), "b1");
    EXPECT_THAT(proxy.daemon().output(), HasSubstr("c/b2: still drained by uid "));
}

TEST_F(StateFile, AProcessThatDrainsLeavesItToTheNextOne) {
    ProxyUnderTest draining(config(), start());
    wait_until_written("\"leader\": \"b1\"");
    TestClient session = draining.connect("c/rw");
    EXPECT_EQ(session.receive_line(), "b1");
    draining.daemon().signal(SIGUSR1);
    draining.daemon().wait_for_line("draining: no new clients");
    const support::TempDir other;
    const ProxyUnderTest next(config(),
                              {.environment = {{"RUNTIME_DIRECTORY", other.path().string()}}});
    auto client = TestClient::on_unix(other.path() / "control.sock");
    client.send("POST /members/c/b2/drain HTTP/1.0\r\n\r\n");
    EXPECT_THAT(client.receive_to_eof(), HasSubstr("\"changed\": true"));
    wait_until_written("\"drain\"");
    EXPECT_THAT(post("/ports/c/ro/disable"), HasSubstr("\"changed\": true"));
    draining.daemon().wait_for_line("state_file: another process writes it now");
    EXPECT_THAT(text(), AllOf(HasSubstr("\"drain\""), Not(HasSubstr("\"disable\""))));
    EXPECT_TRUE(still_echoes(session));
}

TEST_F(StateFile, ADirectoryThatIsMissingIsSaidAndHarmless) {
    ProxyUnderTest proxy(config_top("state_file: /nowhere/state\n") +
                             cluster_.section("c", {{"rw", "roles: [leader]"}}),
                         start());
    proxy.daemon().wait_for_line("state_file: /nowhere/state.new: cannot be written: No such file");
    EXPECT_EQ(first_line(proxy, "c/rw"), "b1");
}

}  // namespace
