// What the log says of an event, where it goes, and what it must never do.

#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"
#include "support/process/child_process.h"
#include "support/sockets/socket.h"

using support::TestClient;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

namespace {

std::string content_of(const std::filesystem::path& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

void wait_for_content(const std::filesystem::path& file, const std::string& text) {
    support::eventually([&] { return content_of(file).find(text) != std::string::npos; },
                        text + " in " + file.string());
}

TEST(Log, OneLineTellsAllOfASession) {
    FakeCluster cluster(1);
    ProxyUnderTest proxy(cluster.config());
    TestClient client = proxy.connect("c/master");
    client.receive_line();
    client.send("hello\n");
    client.receive_line();
    const std::string address = "127.0.0.1:" + std::to_string(client.local_port());
    client.close();
    const auto line = proxy.daemon().wait_for_match(
        "INFO c/master: session ended: closed by the client client=(\\S+) proxy=(\\S+) "
        "backend=(\\S+) member=b1 reason=client_closed from_client=6 from_backend=9 "
        "seconds=[0-9.]+ id=w[0-9]+-1 user=- database=- application_name=- held_seconds=[0-9.]+ "
        "connect_seconds=[0-9.]+$");
    EXPECT_EQ(line[1], address);
    EXPECT_THAT(line[2], testing::MatchesRegex("127.0.0.1:[0-9]+"));
    EXPECT_EQ(line[3], cluster.backends[0]->address());
}

TEST(Log, JsonIsOneObjectALine) {
    const support::TempDir directory;
    const std::string file = directory.path() / "log";
    FakeCluster cluster(1);
    ProxyUnderTest proxy(cluster.config());
    proxy.write_config("log: {format: json, file: " + file + "}\n" + cluster.config());
    proxy.daemon().signal(SIGHUP);
    wait_for_content(file, "\"reloaded");
    TestClient client = proxy.connect("c/master");
    client.receive_line();
    client.close();
    wait_for_content(file, "session ended");
    const auto read = support::run(
        {"python3", "-c",
         "import json, sys\n"
         "e = [json.loads(l) for l in open(sys.argv[1])]\n"
         "s = [x for x in e if 'session ended' in x['message']][0]\n"
         "print(s['level'], s['event'], s['cluster'], s['port'], s['member'], s['reason'],\n"
         "      s['from_backend'] + 0, s['user'])",
         file});
    EXPECT_EQ(read.out, "info session_ended c master b1 client_closed 3 None\n") << read.err;
}

TEST(Log, FileIsOpenedAnewOnReloadEvenOnAFailedOne) {
    const support::TempDir directory;
    const std::string file = directory.path() / "log";
    FakeCluster cluster(1);
    const std::string config = "log: {file: " + file + "}\n" + cluster.config();
    ProxyUnderTest proxy(cluster.config());
    proxy.write_config(config);
    proxy.daemon().signal(SIGHUP);
    wait_for_content(file, "reloaded");
    std::filesystem::rename(file, file + ".1");
    proxy.daemon().signal(SIGHUP);
    wait_for_content(file, "reloaded");
    std::filesystem::rename(file, file + ".2");
    proxy.write_config("typo");
    proxy.daemon().signal(SIGHUP);
    wait_for_content(file, "reload failed");
    proxy.connect("c/master").receive_line();
    wait_for_content(file, "session ended");
    EXPECT_THAT(content_of(file + ".2"), Not(HasSubstr("session ended")));
}

/// A line of level debug comes with every start.
bool says_debug(const std::string& config, const ProxyStart& start) {
    FakeCluster cluster(1);
    ProxyUnderTest proxy(config + cluster.config(), start);
    TestClient client = proxy.connect("c/master");
    client.receive_line();
    client.close();
    proxy.daemon().wait_for_line("session ended");
    return proxy.daemon().output().find(" DEBUG ") != std::string::npos;
}

TEST(Log, CommandLineWinsOverTheFileAndThatOverTheEnvironment) {
    EXPECT_FALSE(says_debug("", {}));
    EXPECT_TRUE(says_debug("", {.environment = {{"RUST_LOG", "patroni_proxy=debug"}}}));
    EXPECT_FALSE(says_debug("log: {level: info}\n", {.environment = {{"RUST_LOG", "debug"}}}));
    EXPECT_TRUE(says_debug("log: {level: info}\n", {.arguments = {"--log-level", "debug"}}));
    EXPECT_FALSE(says_debug("log: {level: debug}\n", {.arguments = {"--log-level", "info"}}));
}

TEST(Log, FailuresThatRepeatAreCountedAndNotRepeated) {
    FakeCluster cluster(2);
    ProxyUnderTest proxy(cluster.config());
    cluster.backends[1]->stop();
    for (int i = 0; i < 50; ++i)
        proxy.connect("c/replicas").wait_for_close();
    EXPECT_EQ(proxy.metric("backend_connect_failures_total{cluster=\"c\",port=\"replicas\","
                           "member=\"b2\"}"),
              50);
    // Both lines come before the fiftieth failure, but no earlier than the log's own thread likes.
    proxy.daemon().wait_for_line(" cannot be reached: ");
    proxy.daemon().wait_for_line(" refused: ");
    std::size_t unreachable = 0;
    std::size_t refused = 0;
    for (const auto& line : proxy.daemon().lines()) {
        unreachable += line.text.find("cannot be reached") != std::string::npos ? 1 : 0;
        refused += line.text.find(" refused: ") != std::string::npos ? 1 : 0;
    }
    EXPECT_LE(unreachable, 2U);  // one a worker
    EXPECT_EQ(refused, 1U);
    // The refusals that were not logged are counted in one line once a member serves again.
    cluster.lead_by(1);
    proxy.update_clusters();
    proxy.daemon().wait_for_line("c/replicas: 50 clients were refused while no backends");
}

TEST(Log, BlockedTargetBlocksNoSessionAndNoExitAndIsCounted) {
    const support::TempDir directory;
    const std::string fifo = directory.path() / "fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    const support::Fd reader(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    FakeCluster cluster(1);
    ProxyUnderTest proxy(cluster.config());
    proxy.write_config("log: {level: debug, file: " + fifo + "}\n" + cluster.config());
    proxy.daemon().signal(SIGHUP);
    proxy.wait_for_metric("reloads_total", 1);
    // Nobody reads any more.
    TestClient session = proxy.connect("c/master");
    session.receive_line();
    support::eventually(
        [&] {
            for (int i = 0; i < 200; ++i) {
                TestClient client = proxy.connect("c/master");
                EXPECT_EQ(client.receive_line(), "b1");
            }
            return proxy.metric("log_lines_dropped_total") > 0;
        },
        std::chrono::seconds(60), "lines to be dropped");
    session.send("hello\n");
    EXPECT_EQ(session.receive_line(), "hello");
    // A reload cannot wait for it either.
    proxy.daemon().signal(SIGHUP);
    proxy.wait_for_metric("reloads_total", 2);
    proxy.daemon().signal(SIGTERM);
    EXPECT_EQ(proxy.daemon().wait_for_exit(std::chrono::seconds(5)).code, 0);
}

}  // namespace
