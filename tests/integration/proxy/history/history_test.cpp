// What the built proxy tells of a change, and the hooks that hear of it.

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/json_schema.h"
#include "integration/proxy_under_test.h"
#include "support/process/child_process.h"
#include "support/process/temp_dir.h"
#include "support/wait.h"

using support::RunResult;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

namespace {

RunResult ask(const ProxyUnderTest& proxy, std::vector<std::string> words) {
    words.insert(words.begin(), PROXY_BINARY);
    words.insert(words.end(), {"--control", "127.0.0.1:" + std::to_string(proxy.port("HTTP API"))});
    return support::run(words);
}

std::string content(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

/// As a browser gets it.
std::string page_of(const ProxyUnderTest& proxy) {
    support::TestClient client("127.0.0.1", proxy.port("HTTP API"));
    client.send("GET / HTTP/1.0\r\nAccept: text/html\r\n\r\n");
    return client.receive_to_eof();
}

/// b1 gives up its lock, and b2 takes it; a client waits meanwhile.
void switch_over(FakeCluster& cluster, ProxyUnderTest& proxy) {
    auto session = proxy.connect("c/rw");
    session.receive_line();
    cluster.lead_by_nobody();
    proxy.update_clusters();
    (void)session.wait_for_close();
    auto held = proxy.connect("c/rw");
    proxy.wait_for_metric(R"(port_sessions_queued{cluster="c",port="rw"})", 1);
    cluster.lead_by(1);
    proxy.update_clusters();
    EXPECT_EQ(held.receive_line(), "b2");
}

const std::map<std::string, std::string> kPorts{{"rw", "roles: [leader], queue_timeout: 10s"},
                                                {"ro", "roles: [async]"}};

TEST(History, ASwitchoverIsOneRecordEverywhere) {
    FakeCluster cluster(2);
    ProxyUnderTest proxy(config_top() + cluster.section("c", kPorts));
    EXPECT_THAT(ask(proxy, {"history"}).out, HasSubstr("Nothing has happened"));
    EXPECT_EQ(misfits(proxy.get("/history"), HISTORY_SCHEMA), "");
    switch_over(cluster, proxy);
    const std::string open = proxy.get("/history");
    EXPECT_THAT(open, AllOf(HasSubstr("\"ended\": null"), HasSubstr("\"leader_after\": \"b2\"")));
    EXPECT_EQ(misfits(open, HISTORY_SCHEMA), "");
    const std::string line = proxy.daemon().wait_for_line("leader b1 -> b2;");
    EXPECT_THAT(line, ContainsRegex("c: leader b1 -> b2; no leader for [0-9.]+ s; 1 session ended, "
                                    "[12] clients? held \\(longest [0-9.]+ s\\), 0 refused: "
                                    "planned switchover"));
    // The session itself may have waited for the readiness check at the beginning.
    const std::string json = proxy.get("/history?cluster=c");
    EXPECT_THAT(json, AllOf(HasSubstr("\"cause\": \"switchover\""), HasSubstr("\"id\": 1"),
                            HasSubstr("\"step\": \"promoted\""), Not(HasSubstr("ended\": null"))));
    EXPECT_EQ(misfits(json, HISTORY_SCHEMA), "");
    EXPECT_THAT(proxy.get("/history?cluster=other"), Not(HasSubstr("switchover")));
    EXPECT_THAT(proxy.http("GET", "/history?clusters=c"), HasSubstr("/history takes cluster=NAME"));
    EXPECT_THAT(proxy.http("POST", "/history"), StartsWith("HTTP/1.1 405"));

    EXPECT_THAT(
        ask(proxy, {"history"}).out,
        ContainsRegex("\\|  1 \\| [-0-9]+ [:0-9]+ \\| +[0-9.]+ m?s \\| c +\\| leader \\| "));
    EXPECT_THAT(ask(proxy, {"history", "1"}).out,
                AllOf(HasSubstr("doubted"), HasSubstr("lock_taken"), HasSubstr("first_session")));
    EXPECT_THAT(ask(proxy, {"history", "7"}).err,
                HasSubstr("no record 7; `patroni_proxy history` lists"));
    EXPECT_EQ(ask(proxy, {"history", "--json"}).out, proxy.get("/history"));
    EXPECT_THAT(proxy.get("/status"), ContainsRegex("\"last_minute\": \\{ *\n *\"connect\": "
                                                    "\\{ *\n *\"count\": [1-9]"));
    const std::string page = page_of(proxy);
    EXPECT_THAT(page, AllOf(HasSubstr("id=\"history\""), HasSubstr("planned switchover"),
                            HasSubstr("takes the leader lock")));
}

TEST(History, WhatOperatorsDoIsThereToo) {
    FakeCluster cluster(2);
    const support::TempDir directory;
    const std::string socket = directory.path().string() + "/control.sock";
    ProxyUnderTest proxy(config_top("control: {socket: \"" + socket + "\"}\n") +
                         cluster.section("c", kPorts));
    (void)support::run({PROXY_BINARY, "hold", "c/rw", "--why", "restart", "--control", socket});
    (void)support::run({PROXY_BINARY, "release", "c/rw", "--control", socket});
    const std::string json = proxy.get("/history");
    EXPECT_THAT(json,
                AllOf(ContainsRegex("c/rw: held by uid [0-9]+, pid [0-9]+: restart"),
                      HasSubstr("c/rw: no longer held by"), HasSubstr("\"kind\": \"operator\"")));
    EXPECT_EQ(misfits(json, HISTORY_SCHEMA), "");
}

TEST(History, AReloadIsThereWhoeverAskedForIt) {
    FakeCluster cluster(2);
    ProxyUnderTest proxy(config_top() + cluster.section("c", kPorts));
    proxy.write_config("clusters: 7\n");
    proxy.daemon().signal(SIGHUP);
    proxy.daemon().wait_for_line("reload failed");
    EXPECT_THAT(proxy.get("/history"), HasSubstr("a reload failed and changed nothing: "));
    proxy.reload(config_top() + cluster.section("c", {{"rw", "roles: [leader]"}}));
    EXPECT_THAT(proxy.get("/history"),
                HasSubstr("the configuration was reloaded: port c/ro removed"));
}

class Hooks : public testing::Test {
  protected:
    [[nodiscard]] std::string script(const std::string& body) const {
        const auto path = directory_.path() / "hook";
        std::ofstream(path) << "#!/bin/sh\n" << body;
        std::filesystem::permissions(path, std::filesystem::perms(0755));
        return path.string();
    }
    [[nodiscard]] std::filesystem::path file(const std::string& name) const {
        return directory_.path() / name;
    }

    support::TempDir directory_;
    FakeCluster cluster_{2};
};

TEST_F(Hooks, HearOfTheNewLeaderWithTheRecord) {
    const std::string hook = script(
        "echo \"$PATRONI_PROXY_EVENT $PATRONI_PROXY_OLD_LEADER "
        "$PATRONI_PROXY_LEADER\" >> " +
        file("told").string() + "\ncat >> " + file("json").string() + "\n");
    ProxyUnderTest proxy(config_top("on_change: [" + hook + "]\n") + cluster_.section("c", kPorts));
    switch_over(cluster_, proxy);
    support::eventually(
        [&] { return content(file("told")).find("ended b1 b2") != std::string::npos; },
        "the hook to hear of the record's end");
    EXPECT_THAT(content(file("told")), HasSubstr("leader b1 b2\n"));
    EXPECT_THAT(content(file("json")),
                AllOf(HasSubstr("\"event\": \"port\""), HasSubstr("\"cause\": \"switchover\"")));
}

TEST_F(Hooks, AHookThatHangsDelaysNobody) {
    const std::string hook = script("echo x > " + file("ran").string() + "; sleep 300\n");
    ProxyUnderTest proxy(config_top("on_change: {command: [" + hook + "], timeout: 500ms}\n") +
                         cluster_.section("c", kPorts));
    support::eventually([&] { return content(file("ran")) == "x\n"; }, "the hook to run");
    switch_over(cluster_, proxy);
    proxy.daemon().wait_for_line("it took longer than 500 ms and was killed");
}

TEST_F(Hooks, AReloadChangesTheHook) {
    ProxyUnderTest proxy(config_top() + cluster_.section("c", kPorts));
    const std::string hook = script("echo $PATRONI_PROXY_LEADER >> " + file("told").string());
    proxy.reload(config_top("on_change: [" + hook + "]\n") + cluster_.section("c", kPorts));
    switch_over(cluster_, proxy);
    support::eventually([&] { return content(file("told")).find("b2") != std::string::npos; },
                        "the hook to run");
}

TEST_F(Hooks, AreChecked) {
    const auto check = [&](const std::string& line) {
        const auto path = file("proxy.yaml");
        std::ofstream(path) << config_top(line + "\n") << cluster_.section("c", kPorts);
        return support::run({PROXY_BINARY, "--check", path.string()});
    };
    EXPECT_THAT(check("on_change: [/nowhere/hook]").err,
                HasSubstr("proxy.yaml:4: warning: on_change: '/nowhere/hook' does not exist"));
    const std::string hook = script("");
    std::filesystem::permissions(hook, std::filesystem::perms(0644));
    EXPECT_THAT(check("on_change: [" + hook + "]").err, HasSubstr("this user may not execute"));
    EXPECT_THAT(check("on_change: [hook]").err,
                HasSubstr("proxy.yaml:4: on_change: the command 'hook' must be an absolute path"));
    EXPECT_THAT(check("on_change: {url: \"ftp://x\"}").err, HasSubstr("only http://"));
    EXPECT_THAT(check("on_change: {timeout: 1s}").err, HasSubstr("needs either command or url"));
    EXPECT_THAT(check("on_change: /bin/true").err, HasSubstr("on_change must be a command as a"));
}

}  // namespace
