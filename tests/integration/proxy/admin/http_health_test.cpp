// What monitoring asks of the HTTP API, and what it must not be disturbed by.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"

using support::TestClient;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

namespace {

TEST(HttpHealth, LiveReadyAndReadyOfAPort) {
    FakeCluster cluster(1);  // a leader and no replica
    const ProxyUnderTest proxy(cluster.config());
    EXPECT_THAT(proxy.http("GET", "/live"), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(proxy.http("HEAD", "/live"), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(proxy.http("GET", "/ready"), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(proxy.http("GET", "/ready/c/master"), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(proxy.http("GET", "/ready/c/replicas"),
                AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("b1: it is the leader")));
    EXPECT_THAT(proxy.http("GET", "/ready/c/nothing"), StartsWith("HTTP/1.1 404"));
}

TEST(HttpHealth, ReadyThroughAnOutageOfEtcd) {
    FakeCluster cluster(2);
    const ProxyUnderTest proxy(cluster.config());
    for (const auto& patroni : cluster.patronis) {
        patroni->answer("/cluster", {.status = 503});
        patroni->answer("/primary", {.status = 503});
    }
    for (int i = 0; i < 3; ++i)
        EXPECT_THAT(proxy.http("GET", "/update_clusters"), StartsWith("HTTP/1.1 502"));
    EXPECT_THAT(proxy.http("GET", "/ready"), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(proxy.http("GET", "/ready/c/master"), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(proxy.connect("c/master").receive_line(), "b1");
    EXPECT_EQ(proxy.metric("polls_failed_total{cluster=\"c\"}"), 3);
}

TEST(HttpHealth, PartialFailureOfAnUpdateIsNamed) {
    FakeCluster good(1);
    FakeCluster bad(1);
    const ProxyUnderTest proxy(config_top() + good.section("good", {{"p", "roles: [any]"}}) +
                               bad.section("bad", {{"p", "roles: [any]"}}));
    EXPECT_THAT(proxy.http("GET", "/update_clusters"), EndsWith("Updated 2 cluster(s)\n"));
    bad.patronis[0]->stop();
    EXPECT_THAT(proxy.http("POST", "/update_clusters"),
                AllOf(StartsWith("HTTP/1.1 502"), HasSubstr("Updated 1 cluster(s); failed: bad: "),
                      HasSubstr(bad.patronis[0]->url()), Not(HasSubstr("good: "))));
}

TEST(HttpHealth, StatusIsJsonThatAProgramReads) {
    FakeCluster cluster(2);
    const ProxyUnderTest proxy(cluster.config());
    TestClient session = proxy.connect("c/master");
    session.receive_line();
    EXPECT_THAT(proxy.http("GET", "/status"), HasSubstr("Content-Type: application/json"));
    const support::TempDir directory;
    const std::string file = directory.write("status.json", proxy.get("/status"));
    const auto read =
        support::run({"python3", "-c",
                      "import json, sys; s = json.load(open(sys.argv[1])); c = s['clusters'][0]; "
                      "p = [x for x in c['ports'] if x['name'] == 'master'][0]; "
                      "print(s['sessions'], c['leader'], p['sessions'], p['traffic'][0]['member'])",
                      file});
    EXPECT_EQ(read.out, "1 b1 1 b1\n") << read.err;
}

TEST(HttpHealth, MetricsPassPromtool) {
    FakeCluster cluster(3);
    ProxyUnderTest proxy(cluster.config("max_lag_in_bytes: 1MB"));
    TestClient session = proxy.connect("c/master");
    session.receive_line();
    (void)proxy.failing_reload("typo");
    const support::TempDir directory;
    const std::string file = directory.write("metrics", proxy.get("/metrics"));
    const auto checked = support::run({"/bin/sh", "-c", "promtool check metrics < " + file});
    EXPECT_EQ(checked.status.code, 0) << checked.out << checked.err;
    EXPECT_EQ(checked.out + checked.err, "");
}

TEST(HttpHealth, MethodsThatAreNotAllowedAreTold) {
    FakeCluster cluster(1);
    const ProxyUnderTest proxy(cluster.config());
    for (const char* path : {"/", "/live", "/ready", "/ready/c/master"})
        EXPECT_THAT(proxy.http("POST", path),
                    AllOf(StartsWith("HTTP/1.1 405"), HasSubstr("Allow: GET, HEAD, OPTIONS\r\n")));
    for (const char* path : {"/status", "/metrics"})
        EXPECT_THAT(proxy.http("POST", path),
                    AllOf(StartsWith("HTTP/1.1 405"), HasSubstr("Allow: GET, HEAD\r\n")));
    EXPECT_THAT(proxy.http("HEAD", "/update_clusters"),
                AllOf(StartsWith("HTTP/1.1 405"), HasSubstr("Allow: GET, POST\r\n")));
    for (const char* path : {"/livex", "/statusx", "/metrics/x", "//"})
        EXPECT_THAT(proxy.http("GET", path), StartsWith("HTTP/1.1 404")) << path;
}

TEST(HttpHealth, OversizedRequestsAreCutOff) {
    FakeCluster cluster(1);
    const ProxyUnderTest proxy(cluster.config());
    const auto is_cut = [&](const std::string& head, const std::string& more) {
        TestClient client("127.0.0.1", proxy.port("HTTP API"));
        client.send(head);
        try {
            for (int i = 0; i < 10'000; ++i)
                client.send(more);
        } catch (const std::system_error&) {
            return true;
        } catch (const support::TimedOut&) {
            return true;  // it takes no more
        }
        return false;
    };
    const std::string kilobytes(16'000, 'x');
    EXPECT_TRUE(is_cut("GET /" + kilobytes, kilobytes));
    EXPECT_TRUE(is_cut("GET / HTTP/1.1\r\nHost: x\r\n", "X-More: " + kilobytes + "\r\n"));
    EXPECT_TRUE(
        is_cut("POST /update_clusters HTTP/1.1\r\nHost: x\r\n"
               "Content-Length: 1000000000\r\n\r\n",
               kilobytes));
    EXPECT_THAT(proxy.http("GET", "/"), StartsWith("HTTP/1.1 200"));
}

TEST(HttpHealth, AThousandIdleConnectionsDisturbNobody) {
    FakeCluster cluster(1);
    const ProxyUnderTest proxy(cluster.config());
    TestClient session = proxy.connect("c/master");
    session.receive_line();
    std::vector<TestClient> idle;
    for (int i = 0; i < 1'000; ++i) {
        idle.emplace_back("127.0.0.1", proxy.port("HTTP API"));
        if (i % 2 == 0)
            idle.back().send("GET /st");
    }
    const auto begin = support::Clock::now();
    EXPECT_THAT(proxy.http("GET", "/status"), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(proxy.http("GET", "/update_clusters"), StartsWith("HTTP/1.1 200"));
    session.send("hello\n");
    EXPECT_EQ(session.receive_line(), "hello");
    EXPECT_EQ(proxy.connect("c/master").receive_line(), "b1");
    EXPECT_LT(support::Clock::now() - begin, std::chrono::seconds(3));
}

}  // namespace
