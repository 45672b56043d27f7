// SIGHUP: everything in the file takes effect, and only what changed in it is touched.

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"
#include "support/fakes/certificates.h"

using support::TestClient;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

namespace {

TEST(Reload, AddsAPortWhileASessionLives) {
    FakeCluster cluster(2);
    ProxyUnderTest proxy(config_top() + cluster.section("c", {{"master", kReadWrite}}));
    TestClient session = proxy.connect("c/master");
    EXPECT_EQ(session.receive_line(), "b1");
    const auto port = proxy.port("c/master");
    proxy.reload(config_top() +
                 cluster.section("c", {{"master", kReadWrite}, {"replicas", "roles: [async]"}}));
    EXPECT_EQ(proxy.connect("c/replicas").receive_line(), "b2");
    EXPECT_TRUE(still_echoes(session));
    EXPECT_EQ(proxy.port("c/master"), port);
    EXPECT_EQ(cluster.backends[0]->accepted(), 1U);
}

TEST(Reload, AddsAndRemovesClusters) {
    FakeCluster one(1);
    FakeCluster two(1, {.name = "x"});
    const std::string first = one.section("one", {{"p", kReadWrite}});
    const std::string second = two.section("two", {{"p", kReadWrite}});
    ProxyUnderTest proxy(config_top() + first);
    TestClient on_one = proxy.connect("one/p");
    on_one.receive_line();
    proxy.reload(config_top() + first + second);
    TestClient on_two = proxy.connect("two/p");
    on_two.receive_line();
    two.backends[0]->wait_for_sessions(1);
    EXPECT_TRUE(still_echoes(on_one));
    EXPECT_THAT(proxy.http("POST", "/update_clusters"), EndsWith("Updated 2 cluster(s)\n"));

    const auto port_of_one = proxy.port("one/p");
    const std::size_t before = proxy.daemon().mark();
    proxy.reload(config_top() + second);
    EXPECT_EQ(TestClient::connect_error("127.0.0.1", port_of_one), ECONNREFUSED);
    proxy.daemon().wait_for_line("one/p: removed", before);
    EXPECT_THAT(proxy.http("POST", "/update_clusters"), EndsWith("Updated 1 cluster(s)\n"));
    EXPECT_TRUE(still_echoes(on_one));  // it drains
    EXPECT_TRUE(still_echoes(on_two));
    // Gone for good once its sessions are: its Patroni is no longer asked.
    on_one.close();
    one.backends[0]->wait_for_sessions(0);
    EXPECT_THAT(proxy.get("/status"), Not(HasSubstr("\"one\"")));
    one.patronis[0]->wait_for_open_connections(0);
}

TEST(Reload, CountersGoOn) {
    FakeCluster cluster(2);
    ProxyUnderTest proxy(config_top() + cluster.section("c", {{"master", kReadWrite}}));
    proxy.connect("c/master").receive_line();
    const std::string port = R"({cluster="c",port="master"})";
    proxy.wait_for_metric("port_session_duration_seconds_count" + port, 1);
    cluster.lead_by(1);
    proxy.update_clusters();
    proxy.wait_for_metric("cluster_leader_changes_total{cluster=\"c\"}", 1);
    const double polls = proxy.metric("poll_duration_seconds_count{cluster=\"c\"}");

    proxy.reload(config_top() +
                 cluster.section("c", {{"master", "roles: [leader], queue_timeout: 1s"},
                                       {"replicas", "roles: [async]"}}));
    EXPECT_EQ(proxy.metric("port_session_duration_seconds_count" + port), 1);
    EXPECT_EQ(
        proxy.metric(
            R"(backend_connect_duration_seconds_count{cluster="c",port="master",member="b1"})"),
        1);
    EXPECT_EQ(proxy.metric("cluster_leader_changes_total{cluster=\"c\"}"), 1);
    EXPECT_GE(proxy.metric("poll_duration_seconds_count{cluster=\"c\"}"), polls);
    EXPECT_EQ(proxy.metric(R"(backend_sessions_total{cluster="c",port="replicas",member="b1"})"), 0)
        << "a new port has its series from the start";
}

TEST(Reload, ChangedPortKeepsItsListenerAndTheSessionsStillEligible) {
    FakeCluster cluster(3);
    ProxyUnderTest proxy(config_top() + cluster.section("c", {{"p", "roles: [any]"}}));
    std::map<std::string, TestClient> on;
    std::vector<TestClient> clients;
    for (int i = 0; i < 3; ++i) {
        TestClient client = proxy.connect("c/p");
        std::string member = client.receive_line();
        on.emplace(std::move(member), std::move(client));
    }
    ASSERT_EQ(on.size(), 3U);
    const auto port = proxy.port("c/p");
    const std::size_t before = proxy.daemon().mark();
    proxy.reload(config_top() +
                 cluster.section("c", {{"p", "roles: [async], max_lag_in_bytes: 1MB"}}));
    on.at("b1").wait_for_close();  // the leader's: no longer eligible
    EXPECT_TRUE(still_echoes(on.at("b2")));
    EXPECT_TRUE(still_echoes(on.at("b3")));
    EXPECT_EQ(proxy.port("c/p"), port);
    EXPECT_THAT(proxy.connect("c/p").receive_line(), testing::AnyOf("b2", "b3"));
    // The listener was never closed.
    const auto lines = proxy.daemon().lines();
    for (std::size_t i = before; i < lines.size(); ++i)
        EXPECT_THAT(lines[i].text, Not(HasSubstr("listening on")));
}

TEST(Reload, ChangedHostPortIsForNewSessionsAndKeepsThoseThatAreOpen) {
    FakeCluster cluster(1);
    ProxyUnderTest proxy(config_top() + cluster.section("c", {{"p", kReadWrite}}));
    TestClient old = proxy.connect("c/p");
    EXPECT_EQ(old.receive_line(), "b1");
    const auto port = proxy.port("c/p");
    // A pooler beside the same member.
    support::FakeBackend pooler({.name = "pooler", .ip = cluster.backends[0]->ip()});
    proxy.reload(config_top() + cluster.section("c", {{"p", "roles: [leader], host_port: " +
                                                                std::to_string(pooler.port())}}));
    EXPECT_EQ(proxy.port("c/p"), port);
    EXPECT_EQ(proxy.connect("c/p").receive_line(), "pooler");
    EXPECT_TRUE(still_echoes(old));
    proxy.update_clusters();
    EXPECT_TRUE(still_echoes(old));
    // It ends with its member's eligibility, as any other.
    cluster.answer_primary(0, 503, "replica");
    cluster.answer_cluster(support::ClusterJson().member(cluster.member(0, "replica")).str());
    proxy.update_clusters();
    old.wait_for_close();
}

TEST(Reload, RemovedPortStopsListeningAtOnceAndItsSessionsDrainForSoLong) {
    FakeCluster cluster(1);
    const std::string top = config_top("drain_timeout: 400ms\n");
    ProxyUnderTest proxy(top + cluster.section("c", {{"kept", kReadWrite}, {"gone", kReadWrite}}));
    TestClient kept = proxy.connect("c/kept");
    TestClient gone = proxy.connect("c/gone");
    kept.receive_line();
    gone.receive_line();
    const auto begin = support::Clock::now();
    proxy.reload(top + cluster.section("c", {{"kept", kReadWrite}}));
    EXPECT_EQ(TestClient::connect_error("127.0.0.1", proxy.port("c/gone")), ECONNREFUSED);
    EXPECT_TRUE(still_echoes(gone));
    gone.wait_for_close();
    EXPECT_GE(support::Clock::now() - begin, std::chrono::milliseconds(400));
    proxy.daemon().wait_for_line("reason=port_removed");
    EXPECT_TRUE(still_echoes(kept));
    // And once more in the file it is a port like any other.
    proxy.reload(top + cluster.section("c", {{"kept", kReadWrite}, {"gone", kReadWrite}}));
    EXPECT_EQ(proxy.connect("c/gone").receive_line(), "b1");
}

TEST(Reload, HostsAndIntervalsTakeEffect) {
    FakeCluster cluster(2);
    support::FakePatroni other;
    other.answer_cluster(support::ClusterJson().member(cluster.member(0, "leader")).str());
    std::string config = cluster.config();
    ProxyUnderTest proxy(config);
    TestClient session = proxy.connect("c/master");
    session.receive_line();
    const std::string before = cluster.patronis[0]->url();
    config.replace(config.find(before), before.size(), other.url());
    config.replace(config.find("1h"), 2, "100ms");
    proxy.reload(config);
    other.wait_for_requests("/cluster", 5);
    EXPECT_TRUE(still_echoes(session));
}

TEST(Reload, CertificatesAreReadAgainThoughTheFileIsTheSame) {
    const support::TempDir directory;
    const support::CertificateAuthority ca(directory);
    const auto server = ca.issue({.name = "server", .hosts = {"127.0.0.1"}});
    auto client = ca.issue({.name = "client"});
    FakeCluster cluster(1);
    support::FakePatroni patroni(support::TlsOptions{.certificate = server.certificate,
                                                     .key = server.key,
                                                     .client_ca = ca.certificate(),
                                                     .verify_client = true});
    patroni.answer_cluster(support::ClusterJson().member(cluster.member(0, "leader")).str());
    std::string config = cluster.config();
    const std::string plain = "hosts: [\"" + cluster.patronis[0]->url() + "\"]";
    config.replace(config.find(plain), plain.size(),
                   "hosts: [\"" + patroni.url() + "\"]\n    tls: {ca_cert: " + ca.certificate() +
                       ", client_cert: " + client.certificate + ", client_key: " + client.key +
                       "}");
    ProxyUnderTest proxy(config);
    TestClient session = proxy.connect("c/master");
    EXPECT_EQ(session.receive_line(), "b1");
    const std::string first = patroni.request_log().back().client_serial;
    client = ca.issue({.name = "client"});  // in the same files
    proxy.update_clusters();
    EXPECT_EQ(patroni.request_log().back().client_serial, first);
    proxy.reload();
    proxy.update_clusters();
    EXPECT_NE(first, "");
    EXPECT_NE(patroni.request_log().back().client_serial, "");
    EXPECT_NE(patroni.request_log().back().client_serial, first);
    const std::string second = patroni.request_log().back().client_serial;
    // One that cannot be used changes nothing: the one before is shown on.
    directory.write("client.crt", "damaged");
    EXPECT_THAT(proxy.failing_reload(config),
                testing::AllOf(HasSubstr(proxy.config_file() + ":"), HasSubstr("client.crt")));
    proxy.update_clusters();
    EXPECT_EQ(patroni.request_log().back().client_serial, second);
    EXPECT_TRUE(still_echoes(session));
    EXPECT_THAT(proxy.daemon().output() + proxy.get("/status"), Not(HasSubstr("PRIVATE KEY")));
}

TEST(Reload, UpdateThatIsUnderWayIsAnswered) {
    FakeCluster cluster(1);
    ProxyUnderTest proxy(cluster.config());
    cluster.patronis[0]->hold("/cluster");
    TestClient asking("127.0.0.1", proxy.port("HTTP API"));
    asking.send("GET /update_clusters HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    cluster.patronis[0]->wait_for_requests("/cluster", 2);
    proxy.reload();
    cluster.patronis[0]->release("/cluster");
    EXPECT_THAT(asking.receive_to_eof(), EndsWith("Updated 1 cluster(s)\n"));
}

TEST(Reload, AddressOfTheApiMoves) {
    FakeCluster cluster(1);
    std::string config = cluster.config();
    ProxyUnderTest proxy(config);
    const auto before = proxy.port("HTTP API");
    config.replace(config.find("listen_address: 127.0.0.1"), 25, "listen_address: 127.0.0.2");
    proxy.reload(config);
    EXPECT_EQ(TestClient::connect_error("127.0.0.1", before), ECONNREFUSED);
    TestClient client("127.0.0.2", proxy.port("HTTP API"));
    client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(client.receive_to_eof(), StartsWith("HTTP/1.1 200"));
}

TEST(Reload, LogLevelTakesEffect) {
    FakeCluster cluster(1);
    ProxyUnderTest proxy(cluster.config());
    proxy.connect("c/master").receive_line();
    EXPECT_THAT(proxy.daemon().output(), Not(HasSubstr(" DEBUG ")));
    proxy.write_config("log: {level: debug}\n" + cluster.config());
    proxy.reload();
    const std::size_t before = proxy.daemon().mark();
    proxy.connect("c/master").receive_line();
    proxy.daemon().wait_for_match(" DEBUG c/master: client 127.0.0.1:[0-9]+: relaying on b1",
                                  before);
}

TEST(Reload, ModeOfAUnixSocketTakesEffect) {
    const support::TempDir directory;
    const std::string path = directory.path() / ".s.PGSQL.6432";
    FakeCluster cluster(1);
    const auto config = [&](const std::string& mode) {
        return config_top() +
               cluster.section("c", {{"p", "roles: [leader], listen: \"unix:" + path +
                                               "\", listen_mode: \"" + mode + "\""}});
    };
    ProxyUnderTest proxy(config("0700"));
    TestClient session = TestClient::on_unix(path);
    session.receive_line();
    proxy.reload(config("0770"));
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0770));
    EXPECT_TRUE(still_echoes(session));
    EXPECT_EQ(TestClient::on_unix(path).receive_line(), "b1");
}

TEST(Reload, NumberOfWorkersIsTheOneExceptionAndSaysSo) {
    FakeCluster cluster(1);
    std::string config = cluster.config();
    ProxyUnderTest proxy(config);
    config.replace(config.find("workers: 2"), 10, "workers: 3");
    proxy.reload(config);
    proxy.daemon().wait_for_line("WARNING workers: a change needs a restart; until then, 2 run");
    EXPECT_EQ(proxy.metric("workers"), 2);
}

}  // namespace
