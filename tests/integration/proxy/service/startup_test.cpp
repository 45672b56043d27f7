// The command line, and what cannot be started: a clear message and no client accepted.

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"
#include "integration/unread_output.h"

using support::run;
using support::RunResult;
using testing::HasSubstr;
using testing::MatchesRegex;

namespace {

TEST(Startup, HelpAndVersion) {
    const RunResult help = run({PROXY_BINARY, "--help"});
    EXPECT_EQ(help.status.code, 0);
    EXPECT_THAT(help.out, HasSubstr("--check"));
    EXPECT_THAT(help.out, HasSubstr("patroni_proxy.yaml"));
    for (const char* option : {"--version", "-V"}) {
        const RunResult version = run({PROXY_BINARY, option});
        EXPECT_EQ(version.status.code, 0);
        EXPECT_THAT(version.out, MatchesRegex("patroni_proxy [0-9]+\\.[0-9]+\\.[0-9]+\n"));
    }
}

TEST(Startup, CheckTellsGoodFromBadByItsExitCode) {
    const support::TempDir directory;
    const std::string good = directory.write("good.yaml", FakeCluster(1).config());
    EXPECT_EQ(run({PROXY_BINARY, "--check", good}).status.code, 0);

    const std::string bad = directory.write("bad.yaml",
                                            "clusters:\n"
                                            "  c:\n"
                                            "    hosts: [\"ftp://127.0.0.1\"]\n"
                                            "    ports:\n"
                                            "      p:\n"
                                            "        listen: 127.0.0.1:0\n"
                                            "        role: [leader]\n"
                                            "        host_port: 99999\n");
    const RunResult result = run({PROXY_BINARY, "--check", bad});
    EXPECT_EQ(result.status.code, 1);
    EXPECT_THAT(result.err, HasSubstr(bad + ":3: host 'ftp://127.0.0.1'"));
    EXPECT_THAT(result.err, HasSubstr(bad + ":6: port 'p' needs 'roles'"));
    EXPECT_THAT(result.err, HasSubstr(bad + ":7: unknown key 'role'"));
    EXPECT_THAT(result.err, HasSubstr("did you mean 'roles'?"));
    EXPECT_THAT(result.err, HasSubstr(bad + ":8: port 'p': host_port '99999'"));
}

TEST(Startup, FileIsTakenFromTheWorkingDirectoryByDefault) {
    const support::TempDir directory;
    directory.write("patroni_proxy.yaml", "clusters: {}\n");
    support::ProcessOptions options;
    options.working_directory = directory.path();
    EXPECT_EQ(run({PROXY_BINARY, "--check"}, options).status.code, 0);
}

TEST(Startup, CheckWarnsOfWhatIsProbablyNotMeant) {
    const support::TempDir directory;
    const std::string file =
        directory.write("odd.yaml", "connect_timeout: 4000\nlog: {file: /nowhere/at/all.log}\n" +
                                        FakeCluster(1).config());
    const RunResult result = run({PROXY_BINARY, "--check", file});
    EXPECT_EQ(result.status.code, 0);
    EXPECT_EQ(result.out, file + ": good\n");
    EXPECT_THAT(result.err, HasSubstr(file + ":1: warning: the file: connect_timeout 4000 is 1 h "
                                             "6 min, "));
    EXPECT_THAT(result.err, HasSubstr(file + ":2: warning: log: the directory /nowhere/at does not "
                                             "exist\n"));
}

TEST(Startup, ADirectoryOfFilesIsOneConfiguration) {
    const support::TempDir directory;
    directory.write("a.yaml", FakeCluster(1).config());
    const std::string path = directory.path();
    EXPECT_EQ(run({PROXY_BINARY, "--check", path}).status.code, 0);
    EXPECT_EQ(run({PROXY_BINARY, "--check", "-f", path}).out, path + ": good\n");
    directory.write("b.yaml", "max_connections: many\n");
    const RunResult result = run({PROXY_BINARY, "--check", "-f", path});
    EXPECT_EQ(result.status.code, 1);
    EXPECT_THAT(result.err, HasSubstr(path + "/b.yaml:1: the file: max_connections 'many'"));
}

TEST(Startup, FileOfTheWorkingDirectoryThatOthersMayWriteIsPassedOver) {
    const support::TempDir directory;
    std::filesystem::permissions(directory.write("patroni_proxy.yaml", "clusters: {}\n"),
                                 std::filesystem::perms(0666));
    support::ProcessOptions options;
    options.working_directory = directory.path();
    const RunResult result = run({PROXY_BINARY, "--check"}, options);
    EXPECT_EQ(result.status.code, 1);
    EXPECT_THAT(result.err, HasSubstr("patroni_proxy.yaml in the working directory is passed over: "
                                      "it can be written by other users"));
}

TEST(Startup, SaysWhereItLookedForAFile) {
    const support::TempDir directory;
    support::ProcessOptions options;
    options.working_directory = directory.path();
    const RunResult result = run({PROXY_BINARY, "--check"}, options);
    EXPECT_EQ(result.status.code, 1);
    EXPECT_EQ(result.err,
              "no configuration: there is neither patroni_proxy.yaml in the working directory nor "
              "/etc/patroni_proxy/patroni_proxy.yaml. An example: "
              "/usr/share/doc/patroni-proxy/examples/patroni_proxy.yaml, or contrib/patroni_proxy "
              "of the sources\n");
}

TEST(Startup, UsageErrorsExitWith2) {
    for (const std::vector<std::string>& wrong :
         {std::vector<std::string>{"--nothing"}, {"a", "b"}, {"--log-level", "loud"}}) {
        std::vector<std::string> command{PROXY_BINARY};
        command.insert(command.end(), wrong.begin(), wrong.end());
        EXPECT_EQ(run(command).status.code, 2) << wrong.front();
    }
}

TEST(Startup, OnceSaysWhoWouldServeEachPort) {
    FakeCluster cluster(2);
    const support::TempDir directory;
    const RunResult result =
        run({PROXY_BINARY, "--once", directory.write("good.yaml", cluster.config())});
    EXPECT_EQ(result.status.code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("c/master: leader\n  serves    b1: leader\n"));
    EXPECT_THAT(result.out, HasSubstr("  does not  b2: role is replica\n"));
}

TEST(Startup, OnceOnlyLooks) {
    const FakeCluster cluster(2);
    const support::TempDir directory;
    const std::string state = directory.write("state.json", "what a running proxy has saved");
    const std::string hook_has_run = directory.path() / "hook_has_run";
    support::ListeningSocket taken("127.0.0.1", 0);
    taken.listen();
    const std::string config =
        "state_file: " + state + "\nhaproxy_socket: 127.0.0.1:" + std::to_string(taken.port()) +
        "\non_change: [/usr/bin/touch, " + hook_has_run + "]\n" + cluster.config();
    const RunResult result = run({PROXY_BINARY, "--once", directory.write("good.yaml", config)});
    EXPECT_EQ(result.status.code, 0) << result.err;
    std::string saved;
    std::ifstream file(state);
    std::getline(file, saved);
    EXPECT_EQ(saved, "what a running proxy has saved");
    EXPECT_FALSE(std::filesystem::exists(hook_has_run));
}

TEST(Startup, OnceEndsWellIfNobodyReadsItsOutput) {
    const FakeCluster cluster(2);
    const support::TempDir directory;
    const std::string file = directory.write("good.yaml", cluster.config());
    EXPECT_EQ(end_without_reader(cluster, {PROXY_BINARY, "--once", file}),
              (support::ExitStatus{.code = 0}));
}

TEST(Startup, OnceFailsIfAPortWouldFindNobody) {
    const support::TempDir directory;
    const std::string file = directory.write("lonely.yaml",
                                             "clusters:\n"
                                             "  c:\n"
                                             "    hosts: [\"http://127.0.0.1:1\"]\n"
                                             "    ports:\n"
                                             "      p: {listen: \"127.0.0.1:0\", roles: [any]}\n");
    const RunResult result = run({PROXY_BINARY, "--once", file});
    EXPECT_EQ(result.status.code, 1);
    EXPECT_THAT(result.out, HasSubstr("c/p: any\n  no member would serve it"));
    EXPECT_THAT(result.err, HasSubstr("c: http://127.0.0.1:1: connection refused"));
}

TEST(Startup, UnreadableFile) {
    const RunResult result = run({PROXY_BINARY, "/nonexistent/proxy.yaml"});
    EXPECT_EQ(result.status.code, 1);
    EXPECT_THAT(result.err, HasSubstr("/nonexistent/proxy.yaml"));
    EXPECT_THAT(result.err, HasSubstr("No such file"));
}

TEST(Startup, AddressThatIsTaken) {
    FakeCluster cluster(1);
    const ProxyUnderTest first(cluster.config());
    const support::TempDir directory;
    for (const char* label : {"c/master", "HTTP API"}) {
        std::string config = cluster.config();
        const std::string key = std::string(label) == "HTTP API" ? "listen_address: 127.0.0.1:"
                                                                 : "master: {listen: \"127.0.0.1:";
        const std::string taken = std::to_string(first.port(label));
        config.replace(config.find(key) + key.size(), 1, taken);
        const RunResult result = run({PROXY_BINARY, directory.write("taken.yaml", config)});
        EXPECT_EQ(result.status.code, 1);
        EXPECT_THAT(result.err, HasSubstr("127.0.0.1:" + taken));
        EXPECT_THAT(result.err, HasSubstr("Address already in use"));
        EXPECT_THAT(result.err, testing::Not(HasSubstr("listening on")));
    }
}

}  // namespace
