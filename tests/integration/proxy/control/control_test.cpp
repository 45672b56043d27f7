// Operators change routing while the built program runs.

#include <csignal>
#include <exception>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"
#include "support/fakes/certificates.h"
#include "support/process/child_process.h"

using support::Closed;
using support::TestClient;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

namespace {

class ControlSocket : public testing::Test {
  protected:
    /// As systemd starts it: with a RuntimeDirectory.
    ProxyStart start() { return {.environment = {{"RUNTIME_DIRECTORY", dir_.path().string()}}}; }
    /// The whole answer of the control socket.
    [[nodiscard]] std::string ask(const std::string& method, const std::string& target) const {
        auto client = TestClient::on_unix(socket_);
        client.send(method + " " + target + " HTTP/1.0\r\n\r\n");
        return client.receive_to_eof();
    }
    [[nodiscard]] std::string post(const std::string& target) const { return ask("POST", target); }

    support::TempDir dir_;
    const std::string socket_ = dir_.path().string() + "/control.sock";
    FakeCluster cluster_{2};
};

TEST_F(ControlSocket, DrainsHoldsDisablesAndSaysWhoDidIt) {
    ProxyUnderTest proxy(config_top() + cluster_.section("c", {{"p", "roles: [any]"}}), start());
    const std::string by =
        "uid " + std::to_string(::getuid()) + ", pid " + std::to_string(::getpid());
    EXPECT_THAT(post("/members/c/b1/drain?why=kernel"), HasSubstr("\"changed\": true"));
    proxy.daemon().wait_for_line("c/b1: drained by " + by + ": kernel");
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(proxy.connect("c/p").receive_line(), "b2");
    EXPECT_EQ(proxy.metric(R"(operator_setting{cluster="c",setting="drain",member="b1"})"), 1);
    EXPECT_THAT(post("/members/c/b1/ready"), HasSubstr("\"changed\": true"));
    EXPECT_THAT(post("/members/c/b1/ready"), HasSubstr("\"changed\": false"));

    EXPECT_THAT(post("/ports/c/p/hold?for=1h"), HasSubstr("\"changed\": true"));
    auto held = proxy.connect("c/p");
    proxy.wait_for_metric(R"(port_sessions_queued{cluster="c",port="p"})", 1);
    EXPECT_THAT(post("/ports/c/p/release"), HasSubstr("\"changed\": true"));
    EXPECT_THAT(held.receive_line(), StartsWith("b"));

    EXPECT_THAT(post("/ports/c/p/disable"), HasSubstr("\"changed\": true"));
    EXPECT_EQ(proxy.connect("c/p").wait_for_close(), Closed::fin);
    EXPECT_TRUE(still_echoes(held));
    EXPECT_THAT(post("/ports/c/p/enable"), HasSubstr("\"changed\": true"));
    EXPECT_THAT(proxy.connect("c/p").receive_line(), StartsWith("b"));
}

TEST_F(ControlSocket, AHoldEndsByItselfWhenItsTimeIsOver) {
    ProxyUnderTest proxy(config_top() + cluster_.section("c", {{"p", kReadWrite}}), start());
    EXPECT_THAT(post("/ports/c/p/hold?for=1s"), HasSubstr("\"changed\": true"));
    auto held = proxy.connect("c/p");
    EXPECT_EQ(held.receive_line(), "b1");
    proxy.daemon().wait_for_line("its time is over: its clients go on");
}

TEST_F(ControlSocket, AFrozenClusterIgnoresPatroniUntilItsLeaderDeniesItself) {
    ProxyUnderTest proxy(config_top() + cluster_.section("c", {{"p", kReadWrite}}), start());
    EXPECT_THAT(post("/clusters/c/freeze?why=upgrade"), HasSubstr("\"changed\": true"));
    cluster_.answer_cluster(R"({"members": []})");
    (void)proxy.http("POST", "/update_clusters");
    auto writer = proxy.connect("c/p");
    EXPECT_EQ(writer.receive_line(), "b1");
    // Another one that leads is not believed either, but what b1 says of itself counts.
    cluster_.lead_by(1);
    proxy.update_clusters();
    EXPECT_EQ(proxy.connect("c/p").wait_for_close(), Closed::fin);
    writer.wait_for_close();
    EXPECT_THAT(post("/clusters/c/unfreeze"), HasSubstr("\"changed\": true"));
    proxy.update_clusters();
    EXPECT_EQ(proxy.connect("c/p").receive_line(), "b2");
}

TEST_F(ControlSocket, AReloadIsAnsweredWithWhatItChanged) {
    ProxyUnderTest proxy(
        config_top() + cluster_.section("c", {{"p", kReadWrite}, {"q", kReadWrite}}), start());
    EXPECT_THAT(post("/reload"), HasSubstr("nothing has changed"));
    auto session = proxy.connect("c/q");
    session.receive_line();
    (void)post("/ports/c/q/hold");
    proxy.write_config(config_top("max_connections: 50\n") +
                       cluster_.section("c", {{"p", "roles: [any]"}, {"r", kReadWrite}}));
    const std::size_t before = proxy.daemon().mark();
    const auto answer = post("/reload");
    EXPECT_THAT(answer,
                AllOf(HasSubstr("200 OK"), HasSubstr("port c/p changed"),
                      HasSubstr("max_connections changed"), HasSubstr("1 session ends within")));
    proxy.daemon().wait_for_line("c/q: no longer held by", before);
    proxy.write_config("clusters: 7\n");
    EXPECT_THAT(post("/reload"), AllOf(HasSubstr(" 422 "), HasSubstr("clusters must be")));
    EXPECT_EQ(proxy.connect("c/p").receive_line().substr(0, 1), "b");
}

TEST_F(ControlSocket, TheLogLevelLastsUntilTheNextReload) {
    ProxyUnderTest proxy(config_top() + cluster_.section("c", {{"p", kReadWrite}}), start());
    EXPECT_THAT(post("/log_level?level=debug"), HasSubstr("until the next reload"));
    std::size_t before = proxy.daemon().mark();
    (void)proxy.connect("c/p").receive_line();
    proxy.daemon().wait_for_line("DEBUG", before);
    EXPECT_THAT(post("/reload"), HasSubstr("200 OK"));
    before = proxy.daemon().mark();
    EXPECT_THAT(post("/log_level?level=info"), HasSubstr("is info already"));
}

TEST_F(ControlSocket, TakesTheNameOfADeadProcessAndOfNobodyElse) {
    const std::string config = config_top() + cluster_.section("c", {{"p", kReadWrite}});
    {
        ProxyUnderTest proxy(config, start());
        proxy.daemon().signal(SIGKILL);
        (void)proxy.daemon().wait_for_exit();
    }
    struct stat file {};
    ASSERT_EQ(::lstat(socket_.c_str(), &file), 0) << "it was killed and could not tidy up";
    ProxyUnderTest second(config, start());
    EXPECT_THAT(ask("GET", "/live"), EndsWith("OK\n"));
    ASSERT_EQ(::lstat(socket_.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777U, 0600U);
    EXPECT_THROW(ProxyUnderTest(config, start()), std::runtime_error) << "one is using it";
    EXPECT_THAT(ask("GET", "/live"), EndsWith("OK\n"));
}

TEST_F(ControlSocket, HostileInputIsBoundedAndAnswered) {
    ProxyUnderTest proxy(config_top() + cluster_.section("c", {{"p", kReadWrite}}), start());
    const auto say = [&](const std::string& bytes) {
        auto client = TestClient::on_unix(socket_);
        try {
            client.send(bytes);
            client.half_close();
            return client.receive_to_eof();
        } catch (const std::exception&) {
            return std::string();  // it was closed while we were sending
        }
    };
    (void)say(std::string(1'000'000, 'x'));
    (void)say("POST /" + std::string(100'000, 'a') + " HTTP/1.0\r\n\r\n");
    (void)say(std::string("\0\xff\r\n\r\n", 6));
    EXPECT_THAT(say("POST /members/%00/%ff/drain HTTP/1.0\r\n\r\n"), Not(HasSubstr(" 200 ")));
    EXPECT_THAT(say("POST /members/c/b1/drain?why=%0aFATAL%1b[31m HTTP/1.0\r\n\r\n"),
                HasSubstr(" 200 "));
    const auto line = proxy.daemon().wait_for_line("c/b1: drained by");
    EXPECT_THAT(line, HasSubstr("FATAL")) << "on the same line";
    EXPECT_THAT(post("/members/c/b1/ready"), HasSubstr("\"changed\": true"));
}

/// curl's answer: the body and the status, or its exit code where there was none.
std::string curl(const std::vector<std::string>& options) {
    std::vector<std::string> argv{"curl", "-sS", "-m", "10", "-w", " %{http_code}"};
    argv.insert(argv.end(), options.begin(), options.end());
    const auto result = support::run(argv);
    return result.status.code == 0 ? result.out : "curl: " + result.err;
}

TEST(HttpControl, NeedsACertificateAndTheTokenWhereTheFileSaysSo) {
    const support::TempDir dir;
    const support::CertificateAuthority ca(dir);
    const support::CertificateAuthority stranger(dir, "stranger");
    const auto server = ca.issue({.name = "server", .hosts = {"127.0.0.1"}});
    const auto client = ca.issue({.name = "client"});
    const auto other = stranger.issue({.name = "other"});
    const std::string token = "0123456789abcdef";
    std::ofstream(dir.path() / "token") << token << '\n';
    FakeCluster cluster(2);
    ProxyUnderTest proxy(config_top("http_tls: {certificate: " + server.certificate +
                                    ", key: " + server.key + ", client_ca: " + ca.certificate() +
                                    "}\nhttp_control: true\nhttp_control_token_file: " +
                                    (dir.path() / "token").string() + "\n") +
                         cluster.section("c", {{"p", kReadWrite}}));
    const std::string url = "https://127.0.0.1:" + std::to_string(proxy.port("HTTP API"));
    const auto with = [&](const support::CertificateFiles& mine, std::vector<std::string> more) {
        more.insert(more.begin(), {"--cacert", ca.certificate(), "--cert", mine.both});
        return curl(more);
    };
    EXPECT_THAT(curl({"--cacert", ca.certificate(), url + "/live"}), EndsWith(" 403"));
    EXPECT_THAT(with(other, {url + "/live"}), Not(EndsWith(" 200")));
    EXPECT_THAT(with(client, {url + "/live"}), EndsWith("OK\n 200"));
    const std::string drain = url + "/members/c/b1/drain";
    EXPECT_THAT(with(client, {"-X", "POST", drain}), EndsWith(" 401"));
    EXPECT_THAT(with(client, {"-X", "POST", "-H", "Authorization: Bearer " + token, drain}),
                EndsWith(" 200"));
    proxy.daemon().wait_for_line("c/b1: drained by HTTP API 127.0.0.1");
    EXPECT_THAT(curl({"http" + url.substr(5) + "/live"}), Not(EndsWith(" 200")));
}

TEST(HttpControl, AReloadIsAnsweredByTheServerThatItReplaces) {
    const support::TempDir dir;
    const auto token_file = dir.path() / "token";
    const auto write = [&](const std::string& token) {
        std::ofstream(token_file) << token << '\n';
    };
    write("0123456789abcdef");
    FakeCluster cluster(1);
    ProxyUnderTest proxy(
        config_top("http_control: true\nhttp_control_token_file: " + token_file.string() + "\n") +
        cluster.section("c", {{"p", kReadWrite}}));
    const std::string url = "http://127.0.0.1:" + std::to_string(proxy.port("HTTP API"));
    const auto reload = [&](const std::string& token) {
        return curl({"-X", "POST", "-H", "Authorization: Bearer " + token, url + "/reload"});
    };
    write("fedcba9876543210");
    EXPECT_THAT(reload("0123456789abcdef"), EndsWith(" 200"));
    EXPECT_THAT(reload("0123456789abcdef"), EndsWith(" 401"));
    EXPECT_THAT(reload("fedcba9876543210"), EndsWith(" 200"));
}

}  // namespace
