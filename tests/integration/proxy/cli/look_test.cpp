// The commands that look, against the built proxy.

#include <algorithm>
#include <csignal>
#include <fstream>
#include <set>
#include <sstream>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"

using support::run;
using support::RunResult;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

namespace {

/// Runs a command against the HTTP API of a proxy.
RunResult ask(const ProxyUnderTest& proxy, std::vector<std::string> words) {
    words.insert(words.begin(), PROXY_BINARY);
    words.insert(words.end(), {"--control", "127.0.0.1:" + std::to_string(proxy.port("HTTP API"))});
    return run(words);
}

/// The same on a terminal of so many columns and ten lines; keys are typed once `text` is shown.
std::string on_terminal(const ProxyUnderTest& proxy, const std::string& words, int columns,
                        const std::string& environment = "TERM=xterm") {
    const std::string command = "stty cols " + std::to_string(columns) + " rows 10; " +
                                environment + " exec " + PROXY_BINARY + " " + words +
                                " --control 127.0.0.1:" + std::to_string(proxy.port("HTTP API"));
    return run({"script", "-qec", command, "/dev/null"}).out;
}

TEST(CommandLine, MembersAndPorts) {
    FakeCluster cluster(2);
    const ProxyUnderTest proxy(cluster.config());
    const auto session = proxy.connect("c/master");
    proxy.wait_for_metric("backend_sessions_open{cluster=\"c\",port=\"master\",member=\"b1\"}", 1);

    const RunResult members = ask(proxy, {"members"});
    EXPECT_EQ(members.status.code, 0) << members.err;
    EXPECT_THAT(members.out, StartsWith("+ Cluster: c --"));
    EXPECT_THAT(members.out,
                ContainsRegex("\\| b1     \\| [0-9.:]+ +\\| Leader  \\| running +\\| +1? \\| "
                              "+\\| +1 \\| any, master"));
    EXPECT_EQ(ask(proxy, {"members", "--names"}).out, "c/b1\nc/b2\n");

    const RunResult ports = ask(proxy, {"ports"});
    EXPECT_EQ(ports.status.code, 0) << ports.err;
    EXPECT_THAT(ports.out, ContainsRegex("\\| master +\\| 127.0.0.1:[0-9]+ \\| leader +\\| b1 "));
    EXPECT_THAT(ask(proxy, {"ports", "--names"}).out, HasSubstr("c/replicas\n"));

    EXPECT_EQ(ask(proxy, {"members", "--json"}).out.substr(0, 15),
              proxy.get("/status").substr(0, 15));
}

TEST(CommandLine, TheSocketIsTakenFromTheEnvironmentToo) {
    FakeCluster cluster(1);
    const ProxyUnderTest proxy(cluster.config());
    support::ProcessOptions options;
    options.environment = {
        {"PATRONI_PROXY_CONTROL", "127.0.0.1:" + std::to_string(proxy.port("HTTP API"))}};
    EXPECT_EQ(run({PROXY_BINARY, "members", "--names"}, options).out, "c/b1\n");
}

TEST(CommandLine, ExplainSaysWhereAClientWouldGo) {
    FakeCluster cluster(2);
    const ProxyUnderTest proxy(cluster.config("allow: [10.0.0.0/8]"));
    const RunResult master = ask(proxy, {"explain", "master"});
    EXPECT_EQ(master.status.code, 0) << master.err;
    EXPECT_THAT(master.out,
                AllOf(HasSubstr("+ c/master: leader "), HasSubstr("| role is replica "),
                      HasSubstr(" A new client goes to b1, the only eligible member\n")));
    EXPECT_THAT(ask(proxy, {"explain", "c/replicas", "--client", "192.0.2.1"}).out,
                HasSubstr(" A client from 192.0.2.1 is refused: allow has only 10.0.0.0/8\n"));

    const RunResult unknown = ask(proxy, {"explain", "p9"});
    EXPECT_EQ(unknown.status.code, 1);
    EXPECT_EQ(unknown.err, "no port p9; there are c/any, c/master, c/replicas\n");
    EXPECT_EQ(ask(proxy, {"explain"}).status.code, 2);
    EXPECT_EQ(ask(proxy, {"explain", "any", "--client", "nobody"}).status.code, 2);
}

TEST(CommandLine, CheckIsAMonitoringPlugin) {
    FakeCluster cluster(2);
    const ProxyUnderTest proxy(cluster.config());
    const RunResult good = ask(proxy, {"check", "c/master"});
    EXPECT_EQ(good.status.code, 0);
    EXPECT_EQ(
        good.out,
        "OK - c/master: b1 serves | sessions=0;;;0 held=0;;;0;10000 eligible=1;;;0 refused=0c\n");
    cluster.lead_by_nobody();
    proxy.update_clusters();
    proxy.update_clusters();
    const RunResult bad = ask(proxy, {"check", "c/master"});
    EXPECT_EQ(bad.status.code, 2);
    EXPECT_THAT(bad.out, StartsWith("CRITICAL - c/master: nobody serves: "));
    EXPECT_EQ(ask(proxy, {"check", "c/p9"}).status.code, 3);
    EXPECT_EQ(ask(proxy, {"check"}).status.code, 3);
    const RunResult down = run({PROXY_BINARY, "check", "c/master", "--control", "/nonexistent"});
    EXPECT_EQ(down.status.code, 2);
    EXPECT_EQ(down.out,
              "CRITICAL - no control socket at /nonexistent: is patroni_proxy running? "
              "(--control PATH)\n");
}

TEST(CommandLine, CheckForgivesAWarningWhereKeepalivedAsks) {
    FakeCluster cluster(2);
    const ProxyUnderTest proxy(cluster.config("fallback_roles: [leader]"));
    cluster.answer_cluster(support::ClusterJson().member(cluster.member(0, "leader")).str());
    proxy.update_clusters();
    proxy.update_clusters();
    const RunResult result = ask(proxy, {"check", "replicas"});
    EXPECT_EQ(result.status.code, 1) << result.out;
    EXPECT_THAT(result.out, StartsWith("WARNING - c/replicas: b1 serves by fallback_roles |"));
    EXPECT_EQ(ask(proxy, {"check", "replicas", "--critical-only"}).status.code, 0);
}

TEST(CommandLine, WrongWordsAreAnsweredWithTheRightOnes) {
    const auto error_of = [](const std::vector<std::string>& words) {
        const RunResult result = run(words);
        EXPECT_EQ(result.status.code, 2) << words.at(1);
        return result.err;
    };
    EXPECT_THAT(error_of({PROXY_BINARY, "drian", "p1"}),
                StartsWith("no command 'drian'; did you mean 'drain'? Known: "));
    EXPECT_THAT(error_of({PROXY_BINARY, "log-level", "loud"}),
                StartsWith("LEVEL: must be error, warning, info or debug\n"));
    EXPECT_THAT(error_of({PROXY_BINARY, "wait", "--member", "p1", "--sessions", "few"}),
                StartsWith("--sessions: must be a whole number\n"));
    // A script's empty variable must not select more.
    for (const std::string option : {"--port", "--user", "--cluster"})
        EXPECT_THAT(error_of({PROXY_BINARY, "close", "--member", "p1", option, ""}),
                    StartsWith(option + ": must not be empty\n"));
    EXPECT_THAT(error_of({PROXY_BINARY, "drain", "p1", "--port", ""}),
                StartsWith("--port: must not be empty\n"));
    EXPECT_THAT(error_of({PROXY_BINARY, "freeze", ""}), StartsWith("CLUSTER: must not be empty\n"));
    // A file that is named like nothing else.
    EXPECT_EQ(run({PROXY_BINARY, "configuration"}).err,
              "configuration: cannot be read: No such file or directory\n");
}

TEST(CommandLine, WaitEndsWithTheLastSession) {
    FakeCluster cluster(1);
    const ProxyUnderTest proxy(cluster.config());
    auto session = std::make_unique<support::TestClient>(proxy.connect("c/master"));
    proxy.wait_for_metric("backend_sessions_open{cluster=\"c\",port=\"master\",member=\"b1\"}", 1);
    const RunResult vain = ask(proxy, {"wait", "--member", "b1", "--timeout", "10ms"});
    EXPECT_EQ(vain.status.code, 1);
    EXPECT_THAT(vain.out, MatchesRegex("c/b1 still has 1 session after [0-9.]+ m?s\n"));
    EXPECT_THAT(ask(proxy, {"wait", "--member", "b1", "--sessions", "1"}).out,
                MatchesRegex("c/b1 has 1 session after [0-9.]+ m?s\n"));
    session.reset();
    const RunResult done = ask(proxy, {"wait", "--member", "b1"});
    EXPECT_EQ(done.status.code, 0) << done.err;
    EXPECT_THAT(done.out, StartsWith("c/b1 has 0 sessions after "));
}

TEST(CommandLine, SessionsAreListedAndSelected) {
    FakeCluster cluster(1);
    const ProxyUnderTest proxy(cluster.config());
    const auto session = proxy.connect("c/master");
    proxy.wait_for_metric("backend_sessions_open{cluster=\"c\",port=\"master\",member=\"b1\"}", 1);
    const RunResult all = ask(proxy, {"sessions"});
    EXPECT_EQ(all.status.code, 0) << all.err;
    EXPECT_THAT(all.out,
                ContainsRegex("\\| w[0-9]+-[0-9]+ \\| 127.0.0.1:[0-9]+ \\| c/master \\| b1 "));
    for (const auto& [option, value, found] :
         std::vector<std::tuple<std::string, std::string, std::string>>{
             {"--member", "b1", " 1 session\n"},
             {"--port", "c/master", " 1 session\n"},
             {"--port", "any", " 0 sessions\n"},
             {"--client", "127.0.0.0/8", " 1 session\n"},
             {"--client", "192.0.2.0/24", " 0 sessions\n"},
             {"--state", "holding", " 0 sessions\n"},
             {"--min-idle", "1h", " 0 sessions\n"}})
        EXPECT_THAT(ask(proxy, {"sessions", option, value}).out, testing::EndsWith(found))
            << option << ' ' << value;
    const RunResult wrong = ask(proxy, {"sessions", "--client", "nobody"});
    EXPECT_EQ(wrong.status.code, 1);
    EXPECT_THAT(wrong.err, HasSubstr("nobody"));
}

TEST(CommandLine, ColourOnlyOnATerminal) {
    FakeCluster cluster(1);
    const ProxyUnderTest proxy(cluster.config());
    EXPECT_THAT(ask(proxy, {"members"}).out, Not(HasSubstr("\033")));
    EXPECT_THAT(on_terminal(proxy, "members", 120), HasSubstr("\033[32mb1"));
    EXPECT_THAT(on_terminal(proxy, "members", 120, "TERM=xterm NO_COLOR=1"),
                AllOf(HasSubstr("| b1"), Not(HasSubstr("\033"))));
    EXPECT_THAT(on_terminal(proxy, "members", 120, "TERM=dumb"), Not(HasSubstr("\033")));
}

TEST(CommandLine, ATerminalOf40ColumnsGetsOneValueALine) {
    FakeCluster cluster(1);
    const ProxyUnderTest proxy(cluster.config());
    EXPECT_THAT(on_terminal(proxy, "members", 40, "NO_COLOR=1 TERM=xterm"),
                AllOf(HasSubstr("Cluster: c\r\n-[ 1 ]----+-\r\nMember    | b1\r\n"),
                      HasSubstr("\r\nServes    | any, master\r\n")));
}

/// What bash offers for the last of these words.
std::string completed(const std::string& words, const std::string& control,
                      const std::string& program = PROXY_BINARY) {
    support::ProcessOptions options;
    options.environment = {{"PATRONI_PROXY_CONTROL", control}};
    const std::string script =
        ". " CONTRIB_PATRONI "/../completion/patroni_proxy; COMP_WORDS=(" + words +
        "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _patroni_proxy " + program +
        " \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"; echo "
        "\"${COMPREPLY[*]}\"";
    const RunResult result = run({"bash", "-c", script}, options);
    EXPECT_EQ(result.err, "");
    return result.out;
}

/// The same, of what a proxy says. Completion gives it a second, which may not be enough where the
/// machine is busy: then the user presses Tab again.
void expect_completed(const std::string& words, const std::string& control,
                      const std::string& expected) {
    support::eventually([&] { return completed(words, control) == expected; },
                        words + " to be completed with " + expected);
}

TEST(CommandLine, BashCompletesMembersAndPorts) {
    FakeCluster cluster(2);
    const ProxyUnderTest proxy(cluster.config());
    const std::string control = "127.0.0.1:" + std::to_string(proxy.port("HTTP API"));
    expect_completed("x drain ''", control, "c/b1 c/b2\n");
    expect_completed("x explain c/m", control, "c/master\n");
    expect_completed("x sessions --member ''", control, "c/b1 c/b2\n");
    expect_completed("x drain --control " + control + " ''", "/nonexistent", "c/b1 c/b2\n");
    EXPECT_EQ(completed("x drain ''", "/nonexistent"), "\n");
    EXPECT_EQ(completed("x drain --w", control), "--why --within\n");
}

TEST(CommandLine, BashRunsNothingThatPatroniNames) {
    const support::TempDir directory;
    const std::string program =
        directory.write("program", "#!/bin/sh\necho 'c/$(touch " +
                                       (directory.path() / "run").string() + ")'\necho 'c/b 1'\n");
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    const std::string offered = completed("x drain ''", "/nonexistent", program);
    EXPECT_THAT(offered, AllOf(StartsWith("c/\\$\\(touch"), HasSubstr("c/b\\ 1\n")));
    EXPECT_FALSE(std::filesystem::exists(directory.path() / "run"));
}

TEST(CommandLine, BashKnowsCommandsOptionsAndFiles) {
    EXPECT_EQ(completed("x mem", "/nonexistent"), "members\n");
    EXPECT_EQ(completed("x --on", "/nonexistent"), "--once\n");
    EXPECT_EQ(completed("x drain --why ''", "/nonexistent"), "\n");
    EXPECT_EQ(completed("x log-level d", "/nonexistent"), "debug\n");
    EXPECT_EQ(completed("x --log-level ''", "/nonexistent"), "error warning info debug\n");
    const support::TempDir directory;
    const std::string yaml = directory.write("proxy.yaml", "");
    const std::string other = directory.write("proxy.cfg", "");
    const std::string both = directory.path() / "proxy";
    EXPECT_EQ(completed("x " + both, "/nonexistent"), yaml + "\n");
    EXPECT_EQ(completed("x --check " + both, "/nonexistent"), yaml + "\n");
    EXPECT_EQ(completed("x import " + both + ".c", "/nonexistent"), other + "\n");
    EXPECT_EQ(completed("x members --control " + both + ".c", "/nonexistent"), other + "\n");
    EXPECT_EQ(completed("x compare " + both, "/nonexistent"), yaml + "\n");
    EXPECT_EQ(completed("x bootstrap " + both, "/nonexistent"), "\n");
    EXPECT_EQ(completed("x bootstrap --ca-cert " + both + ".c", "/nonexistent"), other + "\n");
    EXPECT_EQ(completed("x import --set " + both, "/nonexistent"), "\n");
}

/// The words in bold under COMMANDS in the source of the man page.
std::set<std::string> commands_of_man_page() {
    std::ifstream file(CONTRIB_PATRONI "/../man/patroni_proxy.h2m");
    std::set<std::string> names;
    bool in_commands = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("["))
            in_commands = line == "[COMMANDS]";
        if (!in_commands || !line.starts_with(".B"))
            continue;
        std::erase(line, '\\');
        std::replace(line.begin(), line.end(), ',', ' ');
        std::replace(line.begin(), line.end(), '"', ' ');
        std::istringstream words(line);
        for (std::string word; words >> word;)
            names.insert(word);
    }
    return names;
}

TEST(CommandLine, TheManPageHasEveryCommand) {
    const std::set<std::string> described = commands_of_man_page();
    std::istringstream help(run({PROXY_BINARY, "--help"}).out);
    int commands = 0;
    for (std::string line; std::getline(help, line);) {
        if (!line.starts_with("  ") || line.find("  ", 2) == std::string::npos || line[2] < 'a' ||
            line[2] > 'z')
            continue;
        ++commands;
        const std::string name = line.substr(2, line.find(' ', 2) - 2);
        EXPECT_TRUE(described.contains(name)) << name;
    }
    EXPECT_GT(commands, 20);
}

TEST(CommandLine, WatchEndsAtCtrlC) {
    FakeCluster cluster(1);
    const ProxyUnderTest proxy(cluster.config());
    support::DaemonProcess watch({PROXY_BINARY, "ports", "--watch", "0.1", "--control",
                                  "127.0.0.1:" + std::to_string(proxy.port("HTTP API"))});
    watch.wait_for_line("| master");
    watch.wait_for_line("| master", watch.mark());
    watch.signal(SIGINT);
    EXPECT_EQ(watch.wait_for_exit().code, 0);
    EXPECT_EQ(watch.output(support::Stream::err), "");
}

TEST(CommandLine, WatchLeavesTheTerminalAsItWas) {
    FakeCluster cluster(1);
    const ProxyUnderTest proxy(cluster.config());
    const std::string command = "stty cols 120 rows 10; echo pid $$; exec " PROXY_BINARY
                                " ports --watch 0.1 --control 127.0.0.1:" +
                                std::to_string(proxy.port("HTTP API"));
    support::DaemonProcess watch({"script", "-qec", command, "/dev/null"});
    const pid_t pid = std::stoi(watch.wait_for_match("pid (\\d+)")[1]);
    watch.wait_for_line("| master");
    watch.wait_for_line("| master", watch.mark());
    ASSERT_EQ(::kill(pid, SIGINT), 0);
    EXPECT_EQ(watch.wait_for_exit().code, 0);
    EXPECT_THAT(watch.output(), HasSubstr("\n\033[?1049h\033[?25l\033[H"));
    EXPECT_THAT(watch.output(), testing::EndsWith("\033[?25h\033[?1049l\n"));
    EXPECT_THAT(watch.output(), HasSubstr("\033[K\r"));
}

}  // namespace
