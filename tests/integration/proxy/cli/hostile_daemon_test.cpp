// The commands where the daemon is missing, slow, broken or huge.

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"
#include "support/process/temp_dir.h"
#include "support/sockets/fd.h"

using support::FakePatroni;
using support::Fault;
using support::run;
using support::RunResult;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

constexpr const char* kStatus =
    R"({"clusters": [{"name": "main", "leader": "p1", "table_age": 1, "members": [{"name": "p1"}],
        "ports": [{"name": "master", "members": []}]}]})";

RunResult ask(const FakePatroni& daemon, std::vector<std::string> words) {
    words.insert(words.begin(), PROXY_BINARY);
    words.insert(words.end(), {"--control", daemon.address()});
    return run(words);
}

TEST(HostileDaemon, IsMissing) {
    const support::TempDir directory;
    const std::string path = directory.path() / "control.sock";
    const RunResult result = run({PROXY_BINARY, "members", "--control", path});
    EXPECT_EQ(result.status.code, 1);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err,
              "no control socket at " + path + ": is patroni_proxy running? (--control PATH)\n");

    const std::string file = directory.write("file", "");
    EXPECT_THAT(run({PROXY_BINARY, "members", "--control", file}).err,
                StartsWith(file + " is no socket: "));
    EXPECT_EQ(::unlink(file.c_str()), 0);
    const support::Fd ended(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    file.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(ended.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_THAT(run({PROXY_BINARY, "members", "--control", file}).err,
                StartsWith("nobody listens at " + file + ": "));
    const std::string endless(200, 'x');
    EXPECT_EQ(run({PROXY_BINARY, "members", "--control", "/" + endless}).err,
              "/" + endless + ": too long for the path of a socket\n");
}

TEST(HostileDaemon, AnswersGarbage) {
    FakePatroni daemon;
    for (const auto& [body, reason] : std::vector<std::pair<std::string, std::string>>{
             {"", "the answer is not JSON"},
             {"\033[2J{", "the answer is not JSON"},
             {"[1, 2]", "the answer is no status of patroni_proxy"},
             {"{}", "the answer is no status of patroni_proxy"}}) {
        daemon.answer("/status", {.body = body});
        for (const char* command : {"members", "ports"}) {
            const RunResult result = ask(daemon, {command, "--json"});
            EXPECT_EQ(result.status.code, 1) << body;
            EXPECT_EQ(result.out, "");
            EXPECT_EQ(result.err, daemon.address() + ": " + reason + "\n");
        }
    }
    daemon.answer("/sessions", {.body = "{}"});
    EXPECT_EQ(ask(daemon, {"sessions"}).err,
              daemon.address() + ": the answer is no list of sessions\n");
}

TEST(HostileDaemon, DiesInTheMiddle) {
    FakePatroni daemon;
    for (const auto& [fault, reason] : std::vector<std::pair<Fault, std::string>>{
             {Fault::close_without_answer, "closed the connection without an answer"},
             {Fault::reset, "closed the connection without an answer"},
             {Fault::truncate, "the answer was cut short"}}) {
        daemon.answer(
            "/status",
            {.body = kStatus, .fault = fault, .truncate_after = 10, .with_content_length = true});
        const RunResult result = ask(daemon, {"members"});
        EXPECT_EQ(result.status.code, 1);
        EXPECT_THAT(result.err, StartsWith(daemon.address() + ": " + reason));
    }
}

TEST(HostileDaemon, AnswersNothingOrByDrops) {
    FakePatroni daemon;
    for (const Fault fault : {Fault::stall, Fault::drip_headers, Fault::drip_body}) {
        daemon.answer("/status", {.body = std::string(100'000, ' '), .fault = fault});
        const RunResult result = ask(daemon, {"check", "master", "--timeout", "200ms"});
        EXPECT_EQ(result.status.code, 2);
        EXPECT_EQ(result.out,
                  "CRITICAL - " + daemon.address() + ": no complete answer within 200 ms\n");
    }
}

TEST(HostileDaemon, SaysWhyItWillNot) {
    FakePatroni daemon;
    daemon.answer("/status", {.body = kStatus});
    daemon.answer("/members/main/p1/ready",
                  {.status = 409, .body = R"({"error": "no\u001b[2J such thing\nand more"})"});
    const RunResult result = ask(daemon, {"ready", "p1"});
    EXPECT_EQ(result.status.code, 1);
    EXPECT_EQ(result.err, "no\\u001b[2J such thing\nand more\n");
    daemon.answer("/members/main/p1/ready", {.status = 403, .body = "not here\n"});
    EXPECT_EQ(ask(daemon, {"ready", "p1"}).err, "not here\n");
    daemon.answer("/members/main/p1/ready", {.status = 404, .body = "Not Found\n"});
    EXPECT_THAT(ask(daemon, {"ready", "p1"}).err, HasSubstr("is it of another version?"));
    daemon.answer("/members/main/p1/ready", {.status = 500, .body = ""});
    EXPECT_EQ(ask(daemon, {"ready", "p1"}).err, "HTTP status 500\n");
}

TEST(HostileDaemon, TextFromPatroniIsHarmless) {
    FakePatroni daemon;
    daemon.answer("/status", {.body = R"({"clusters": [{"name": "\u001b[2J", "warnings":
        ["\u009b31m\r\n\u202e"], "members": [{"name": "p\u0007"}], "ports": []}]})"});
    const RunResult result = ask(daemon, {"members"});
    EXPECT_EQ(result.status.code, 0) << result.err;
    EXPECT_THAT(result.out, AllOf(HasSubstr("\\u001b[2J"), HasSubstr("p\\u0007"),
                                  HasSubstr("\\u009b31m\\r\\n\\u202e")));
}

std::string many_sessions(int count) {
    std::string body = "{\"sessions\": [";
    for (int i = 0; i < count; ++i)
        body += (i == 0 ? "" : ",") + std::string(R"({"id": ")") + std::to_string(i) +
                R"(", "cluster": "main", "port": "master", "client": "10.0.0.1:4444",
                "member": "p1", "own_address": "10.0.0.9:5000", "user": "app", "database": "shop",
                "application_name": "psql", "state": "relaying", "age": 61, "idle": 1,
                "bytes_from_client": 1000, "bytes_from_backend": 20971520, "held_for": 0})";
    return body + "], \"total\": " + std::to_string(count) + ", \"truncated\": false}";
}

TEST(HostileDaemon, HasTenThousandSessions) {
    FakePatroni daemon;
    daemon.answer("/sessions", {.body = many_sessions(10'000)});
    const RunResult result = ask(daemon, {"sessions"});
    EXPECT_EQ(result.status.code, 0) << result.err;
    EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 10'005);
    EXPECT_THAT(result.out, EndsWith("\n 10000 sessions\n"));
}

TEST(HostileDaemon, TheReaderOfTheOutputMayGo) {
    FakePatroni daemon;
    daemon.answer("/sessions", {.body = many_sessions(2'000)});
    const RunResult result = run({"bash", "-c",
                                  PROXY_BINARY " sessions --control " + daemon.address() +
                                      " | head -n 1 >/dev/null; echo ${PIPESTATUS[0]}"});
    EXPECT_EQ(result.out, "141\n");  // by SIGPIPE, as any other program
    EXPECT_EQ(result.err, "");
}

TEST(HostileDaemon, TheDiskMayBeFull) {
    FakePatroni daemon;
    daemon.answer("/status", {.body = kStatus});
    const RunResult result =
        run({"bash", "-c", PROXY_BINARY " members --control " + daemon.address() + " >/dev/full"});
    EXPECT_EQ(result.status.code, 1);
    EXPECT_EQ(result.err, "standard output: No space left on device\n");
}

TEST(HostileDaemon, CommandsAskAsTheyAreTold) {
    FakePatroni daemon;
    daemon.answer("/status", {.body = kStatus});
    struct Case {
        std::vector<std::string> words;
        std::string request;
    };
    for (const auto& [words, request] : std::vector<Case>{
             {{"drain", "p1", "--for", "2h", "--why", "disk & dust", "--rate", "20/s", "--within",
               "5m"},
              "/members/main/p1/drain?for=2h&why=disk%20%26%20dust&rate=20&within=5m"},
             {{"ready", "main/p1"}, "/members/main/p1/ready"},
             {{"drain", "p1", "--port", "master"}, "/members/main/p1/drain?port=master"},
             {{"cap", "p1", "50"}, "/members/main/p1/cap?sessions=50"},
             {{"cap", "p1", "none"}, "/members/main/p1/cap?sessions=none"},
             {{"hold", "master", "--for", "60s"}, "/ports/main/master/hold?for=60s"},
             {{"release", "master"}, "/ports/main/master/release"},
             {{"disable", "main/master"}, "/ports/main/master/disable"},
             {{"enable", "master"}, "/ports/main/master/enable"},
             {{"freeze"}, "/clusters/main/freeze"},
             {{"freeze", "main", "on", "--for", "1h"}, "/clusters/main/freeze?for=1h"},
             {{"freeze", "on"}, "/clusters/main/freeze"},
             {{"freeze", "off"}, "/clusters/main/unfreeze"},
             {{"freeze", "main", "off"}, "/clusters/main/unfreeze"},
             {{"unfreeze", "main"}, "/clusters/main/unfreeze"},
             {{"reload"}, "/reload"},
             {{"upgrade"}, "/upgrade"},
             {{"log-level", "debug"}, "/log_level?level=debug"},
             {{"close", "--member", "p1", "--client", "10.0.0.0/8", "--min-idle", "1.5"},
              "/sessions/close?cluster=main&member=p1&client=10.0.0.0%2F8&min_idle=2"}}) {
        daemon.answer(request, {.body = R"({"changed": true, "message": "as you say"})"});
        const RunResult result = ask(daemon, words);
        EXPECT_EQ(result.status.code, 0) << result.err;
        EXPECT_EQ(result.out, "as you say\n");
        const auto log = daemon.request_log();
        EXPECT_EQ(log.back().method + " " + log.back().path, "POST " + request);
    }
    daemon.answer("/sessions/close",
                  {.body = R"({"changed": true, "message": "3 sessions closed", "closed": 3})"});
    EXPECT_EQ(ask(daemon, {"close", "--id", "w0-1"}).out, "3 sessions closed\n");
    daemon.answer("/reload", {.body = R"({"message": "2 changes", "changes": ["a", "b"]})"});
    EXPECT_EQ(ask(daemon, {"reload"}).out, "2 changes\n  a\n  b\n");
}

TEST(HostileDaemon, WhatCannotBeMeantIsAUsageError) {
    for (const std::vector<std::string>& words : {std::vector<std::string>{"close"},
                                                  {"drain"},
                                                  {"drain", "p1", "p2"},
                                                  {"drain", "p1", "--rate", "fast"},
                                                  {"drain", "p1", "--for", "soon"},
                                                  {"cap", "p1", "many"},
                                                  {"freeze", "main", "of"},
                                                  {"log-level", "loud"},
                                                  {"members", "--watch", "0"},
                                                  {"sessions", "--limit", "0"},
                                                  {"sessions", "--limit", "-1"},
                                                  {"sessions", "--limit", "99999999999"},
                                                  {"members", "file.yaml"},
                                                  {"wait"}}) {
        std::vector<std::string> argv = words;
        argv.insert(argv.begin(), PROXY_BINARY);
        argv.insert(argv.end(), {"--control", "/nonexistent"});
        const RunResult result = run(argv);
        EXPECT_EQ(result.status.code, 2) << testing::PrintToString(words);
        EXPECT_NE(result.err, "");
        EXPECT_LT(result.err.size(), 200U) << result.err;
    }
}

TEST(HostileDaemon, AFileMayBeNamedLikeACommand) {
    const support::TempDir directory;
    directory.write("members", "clusters: {}\n");
    support::ProcessOptions options;
    options.working_directory = directory.path();
    EXPECT_EQ(run({PROXY_BINARY, "--check", "members"}, options).out, "members: good\n");
    EXPECT_EQ(run({PROXY_BINARY, "./members", "--check"}, options).out, "./members: good\n");
}

}  // namespace
