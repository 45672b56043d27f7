// The built agent's command line.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_under_test.h"
#include "integration/unread_output.h"

using support::run;
using support::RunResult;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

namespace {

TEST(AgentStartup, HelpAndVersion) {
    const RunResult help = run({AGENT_BINARY, "--help"});
    EXPECT_EQ(help.status.code, 0);
    for (const char* word : {"--check", "--once", "--listen", "5555", "maintenance", "--http"})
        EXPECT_THAT(help.out, HasSubstr(word));
    const RunResult version = run({AGENT_BINARY, "-V"});
    EXPECT_EQ(version.status.code, 0);
    EXPECT_THAT(version.out, MatchesRegex("patroni_agent [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(AgentStartup, CheckTellsGoodFromBadByItsExitCode) {
    const support::TempDir directory;
    const FakeCluster cluster(1);
    EXPECT_EQ(run({AGENT_BINARY, "--check"}).status.code, 0);
    const std::string good =
        directory.write("good.yaml", agent_config(cluster, {listener("w", "roles: [leader]")}));
    const RunResult result = run({AGENT_BINARY, "--check", good});
    EXPECT_EQ(result.status.code, 0);
    EXPECT_EQ(result.out, good + ": good\n");

    const std::string bad = directory.write(
        "bad.yaml", agent_config(cluster, {listener("w", "role: [leader]")}, "intervall: 1s"));
    const RunResult errors = run({AGENT_BINARY, "--check", bad});
    EXPECT_EQ(errors.status.code, 1);
    EXPECT_THAT(errors.err, HasSubstr(bad + ":1: unknown key 'intervall'"));
    EXPECT_THAT(errors.err, HasSubstr(bad + ":7: listener 'w' needs 'roles'"));

    const RunResult options = run({AGENT_BINARY, "--check", "--role", "master", "--listen", "x"});
    EXPECT_EQ(options.status.code, 1);
    EXPECT_THAT(options.err, HasSubstr("--role: listener 'master': unknown role 'master'"));
    EXPECT_THAT(options.err, HasSubstr("--listen: listener 'master': listen 'x'"));
    EXPECT_EQ(run({AGENT_BINARY, "--check", "/nonexistent.yaml"}).status.code, 1);
    EXPECT_EQ(run({AGENT_BINARY, "--nothing"}).status.code, 2);
    EXPECT_EQ(run({AGENT_BINARY, "--listen", "[::]:5555", good}).status.code, 2);
}

TEST(AgentStartup, FileOfTheWorkingDirectoryCountsUnlessOptionsSayOtherwise) {
    const support::TempDir directory;
    const FakeCluster cluster(1);
    support::ProcessOptions options;
    options.working_directory = directory.path();
    EXPECT_EQ(run({AGENT_BINARY, "--check"}, options).out, "command line: good\n");
    directory.write("patroni_agent.yaml",
                    agent_config(cluster, {listener("w", "roles: [leader]")}));
    EXPECT_EQ(run({AGENT_BINARY, "--check"}, options).out, "patroni_agent.yaml: good\n");
    EXPECT_EQ(run({AGENT_BINARY, "--check", "--role", "replica"}, options).out,
              "command line: good\n");
}

TEST(AgentStartup, OnceTellsByItsExitCode) {
    const FakeCluster cluster(2);
    const auto once = [&](std::vector<std::string> more) {
        more.insert(more.begin(),
                    {AGENT_BINARY, "--once", "--patroni", cluster.patronis[0]->url()});
        return run(more);
    };
    // b1, by the address that is asked.
    const RunResult beside = once({});
    EXPECT_EQ(beside.out, "READY UP # b1: leader\n") << beside.err;
    EXPECT_EQ(beside.status.code, 0);
    const RunResult other = once({"--member", "b2"});
    EXPECT_THAT(other.out, StartsWith("MAINT DOWN # b2: "));
    EXPECT_EQ(other.status.code, 1);
    EXPECT_EQ(once({"--member", "b2", "--role", "replica"}).status.code, 0);
    EXPECT_EQ(once({"--member", "b3"}).out, "MAINT DOWN # b3: not in Patroni's answer\n");
}

TEST(AgentStartup, OnceEndsWellIfNobodyReadsItsOutput) {
    const FakeCluster cluster(2);
    EXPECT_EQ(end_without_reader(cluster,
                                 {AGENT_BINARY, "--once", "--patroni", cluster.patronis[0]->url()}),
              (support::ExitStatus{.code = 0}));
}

TEST(AgentStartup, WhatPatroniSaysOfItselfGoesBeforeItsAddress) {
    const FakeCluster cluster(2);
    const auto once = [&](const std::string& introduction) {
        cluster.patronis[0]->answer(
            "/patroni", {.body = R"({"state": "running", "patroni": )" + introduction + "}"});
        return run({AGENT_BINARY, "--once", "--patroni", cluster.patronis[0]->url(), "--role",
                    "any"})
            .out;
    };
    EXPECT_THAT(once(R"({"version": "4.0.0", "scope": "c", "name": "b2"})"),
                StartsWith("READY UP # b2: "));
    // An older version does not say it.
    EXPECT_THAT(once(R"({"version": "3.0.2", "scope": "c"})"), StartsWith("READY UP # b1: "));
}

TEST(AgentStartup, OnceWithoutPatroni) {
    const FakeCluster cluster(1);
    cluster.patronis[0]->stop();
    const RunResult result = run({AGENT_BINARY, "--once", "--patroni", cluster.patronis[0]->url()});
    EXPECT_EQ(result.out, "MAINT DOWN # Patroni has not answered yet\n");
    EXPECT_EQ(result.err, "patroni: " + cluster.patronis[0]->url() + ": connection refused\n");
    EXPECT_EQ(result.status.code, 1);
}

TEST(AgentStartup, OnceOfAFileAnswersEveryListenerAndNeedsNoPort) {
    FakeCluster cluster(2);
    const support::TempDir directory;
    AgentUnderTest running(agent_config(cluster, {listener("w", "roles: [leader]")}));
    std::string config =
        agent_config(cluster, {listener("w", "roles: [leader], member: b1"),
                               listener("r", "roles: [replica], member: b1, ineligible: drain"),
                               listener("asked", "by_request: true")});
    config.replace(config.find("127.0.0.1:0"), 11,
                   "127.0.0.1:" + std::to_string(running.port("w")));
    const std::string file = directory.write("agent.yaml", config);
    const RunResult unasked = run({AGENT_BINARY, "--once", file});
    EXPECT_THAT(unasked.out, MatchesRegex("READY UP # b1: leader\nDRAIN UP # b1: .*\n"
                                          "MAINT DOWN # a request is CLUSTER/MEMBER/ROLE\n"));
    EXPECT_EQ(unasked.status.code, 1);
    EXPECT_THAT(run({AGENT_BINARY, "--once", file, "--request", "c/b2/replica"}).out,
                HasSubstr("\nREADY UP # b2: "));
}

TEST(AgentStartup, WithNoFileAtAll) {
    const FakeCluster cluster(1);
    support::DaemonProcess agent({AGENT_BINARY, "--listen", "127.0.0.1:0", "--patroni",
                                  cluster.patronis[0]->url(), "--interval", "100ms"});
    const auto match = agent.wait_for_match("leader: listening on 127.0.0.1:([0-9]+)");
    agent.wait_for_line("leader: READY UP # b1: leader");
    support::TestClient client("127.0.0.1", static_cast<std::uint16_t>(std::stoul(match[1])));
    EXPECT_EQ(client.receive_to_eof(), "READY UP # b1: leader\n");
    EXPECT_THAT(agent.output(), testing::Not(HasSubstr("HTTP API")));
}

TEST(AgentStartup, AddressThatIsTaken) {
    const FakeCluster cluster(1);
    const AgentUnderTest first(agent_config(cluster, {listener("w", "roles: [leader]")}));
    const std::string taken = "127.0.0.1:" + std::to_string(first.port("w"));
    for (const std::string option : {"--listen", "--http"}) {
        const RunResult result = run({AGENT_BINARY, "--listen", "127.0.0.1:0",
                                      option == "--http" ? "--http" : "--listen", taken});
        EXPECT_NE(result.status.code, 0) << option;
    }
    const RunResult result = run({AGENT_BINARY, "--listen", taken});
    EXPECT_EQ(result.status.code, 1);
    EXPECT_THAT(result.err, HasSubstr(taken));
    EXPECT_THAT(result.err, HasSubstr("Address already in use"));
}

}  // namespace
