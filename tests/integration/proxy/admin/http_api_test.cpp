// The HTTP API of the built proxy.

#include <csignal>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/json_schema.h"
#include "integration/proxy_under_test.h"
#include "support/process/temp_dir.h"

using support::TestClient;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

TEST(HttpApi, RootAnswersOk) {
    FakeCluster cluster(1);
    const ProxyUnderTest proxy(cluster.config());
    EXPECT_THAT(proxy.http("GET", "/"), testing::AllOf(StartsWith("HTTP/1.1 200"), EndsWith("OK")));
    EXPECT_THAT(proxy.http("HEAD", "/"), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(proxy.http("OPTIONS", "/"), StartsWith("HTTP/1.1 200"));
}

TEST(HttpApi, UpdateClustersAnswersOnceTheNewTablesAreInForce) {
    FakeCluster cluster(2);
    const ProxyUnderTest proxy(cluster.config());
    for (std::size_t leader : {1U, 0U, 1U, 0U}) {
        cluster.lead_by(leader);
        EXPECT_THAT(proxy.http("POST", "/update_clusters"), EndsWith("Updated 1 cluster(s)\n"));
        EXPECT_EQ(proxy.connect("c/master").receive_line(), cluster.backends[leader]->name());
    }
}

TEST(HttpApi, UpdateClustersNeverGivesTheResultOfAnOlderPoll) {
    FakeCluster cluster(2);
    const ProxyUnderTest proxy(cluster.config());
    // A poll is under way, and what it asked is about to be out of date.
    cluster.patronis.front()->answer("/cluster", {.fault = support::Fault::stall});
    TestClient older("127.0.0.1", proxy.port("HTTP API"));
    older.send("GET /update_clusters HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cluster.patronis.front()->wait_for_requests("/cluster", 2);
    TestClient newer("127.0.0.1", proxy.port("HTTP API"));
    newer.send("GET /update_clusters HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(proxy.http("GET", "/"), StartsWith("HTTP/1.1 200"));  // it waits for nobody
    cluster.lead_by(1);
    cluster.patronis.front()->release("/cluster");
    EXPECT_THAT(newer.receive_to_eof(), EndsWith("Updated 1 cluster(s)\n"));
    EXPECT_EQ(cluster.patronis.front()->requests("/cluster"), 3U);
    EXPECT_EQ(proxy.connect("c/master").receive_line(), "b2");
}

TEST(HttpApi, OtherPathsAndMethods) {
    FakeCluster cluster(1);
    const ProxyUnderTest proxy(cluster.config());
    EXPECT_THAT(proxy.http("GET", "/nothing"), StartsWith("HTTP/1.1 404"));
    const std::string refused = proxy.http("DELETE", "/update_clusters");
    EXPECT_THAT(refused, StartsWith("HTTP/1.1 405"));
    EXPECT_THAT(refused, HasSubstr("Allow: GET, POST"));
}

TEST(HttpApi, StatusIsAsItsSchemaSays) {
    FakeCluster cluster(2);
    for (const auto& patroni : cluster.patronis)
        patroni->answer("/cluster", {.status = 503});
    const support::TempDir dir;
    const std::string config =
        config_top() + cluster.section("c", {{"master", "roles: [leader]"},
                                             {"any", "roles: [sync], fallback_roles: [any]"}});
    ProxyUnderTest proxy(config, {.environment = {{"RUNTIME_DIRECTORY", dir.path().string()}}});
    EXPECT_EQ(misfits(proxy.get("/status"), STATUS_SCHEMA), "") << "Patroni has not answered yet";
    cluster.lead_by(0);
    proxy.update_clusters();
    auto session = proxy.connect("c/master");
    session.receive_line();
    for (const char* verb :
         {"members/c/b1/drain?port=any&maintenance=true&for=1h", "members/c/b2/cap?sessions=3",
          "ports/c/any/hold?why=test", "ports/c/any/disable", "clusters/c/freeze"}) {
        auto client = TestClient::on_unix(dir.path().string() + "/control.sock");
        client.send("POST /" + std::string(verb) + " HTTP/1.0\r\n\r\n");
        EXPECT_THAT(client.receive_to_eof(), HasSubstr(" 200 ")) << verb;
    }
    EXPECT_EQ(misfits(proxy.get("/status"), STATUS_SCHEMA), "");
    proxy.write_config("clusters: 7\n");
    proxy.daemon().signal(SIGHUP);
    proxy.daemon().wait_for_line("reload failed");
    cluster.answer_cluster(
        R"({"members": [{"name": "b9", "role": "replica", "state": "stopped"}]})");
    proxy.update_clusters();
    EXPECT_EQ(misfits(proxy.get("/status"), STATUS_SCHEMA), "") << "nobody knows where b9 is";
}

}  // namespace
