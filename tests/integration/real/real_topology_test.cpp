// What real clusters do to a proxy besides failing over: Patroni dying alone, maintenance mode, an
// etcd outage, synchronous mode, tags, lag, TLS, and Patroni's own defaults.

#include <atomic>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testbed.h"

using support::PsqlSession;
using testing::EndsWith;
using namespace std::chrono_literals;

namespace {

/// Whether this member takes writes, asked without the proxy.
bool takes_writes(const std::string& address) {
    const auto result = support::psql_once("host=" + address + " user=postgres dbname=postgres",
                                           "SELECT pg_is_in_recovery()");
    return result.status.code == 0 && result.out.substr(0, 1) == "f";
}

TEST(RealTopology, NoSessionStaysOnAPrimaryWhosePatroniDied) {
    Testbed testbed({"--tags", "p3:nofailover=true"});
    const ProxyUnderTest proxy(real_config());
    HeldSession reader(session_on(proxy, "replicas", "127.0.0.13"));
    PsqlSession writer(conninfo(proxy, "master"));
    testbed.run({"kill", "p1", "--patroni-only"});
    support::eventually([&] { return who_answers(proxy, "master") == "127.0.0.12|f"; }, 60s,
                        "the leader port to reach p2");
    // The old primary still takes writes: only the proxy keeps clients away from it.
    EXPECT_TRUE(takes_writes("127.0.0.11"));
    EXPECT_TRUE(writer.wait_for_closed(10s));
    EXPECT_TRUE(reader.untouched());
}

TEST(RealTopology, FrozenPatroniOnThePrimaryLosesToTheNextLeader) {
    Testbed testbed;
    const ProxyUnderTest proxy(real_config());
    PsqlSession writer(conninfo(proxy, "master"));
    testbed.run({"freeze", "p1"});
    support::eventually(
        [&] {
            const std::string answer = who_answers(proxy, "master");
            return answer == "127.0.0.12|f" || answer == "127.0.0.13|f";
        },
        60s, "the leader port to reach another member");
    EXPECT_TRUE(writer.wait_for_closed(10s));
}

TEST(RealTopology, PausedLeaderWhoseKeyExpiredKeepsItsSessions) {
    Testbed testbed;
    ProxyUnderTest proxy(real_config());
    PsqlSession writer(conninfo(proxy, "master"));
    testbed.run({"pause"});
    const auto mark = proxy.daemon().mark();
    testbed.run({"kill", "p1", "--patroni-only"});
    // p1 is gone from /cluster once its keys have expired. From Patroni 3.0.4 a replica that
    // receives WAL is `streaming`.
    proxy.daemon().wait_for_match(
        "real: p2 replica (running|streaming), p3 replica (running|streaming) \\(paused\\)", mark,
        60s);
    EXPECT_TRUE(writer.alive());
    EXPECT_EQ(who_answers(proxy, "master"), "127.0.0.11|f");
}

TEST(RealTopology, EtcdGoneAndBackLeavesReadersAlone) {
    Testbed testbed;
    const ProxyUnderTest proxy(real_config());
    HeldSession reader(session_on(proxy, "replicas", "127.0.0.13"));
    testbed.run({"kill", "etcd"});
    // Without etcd Patroni demotes its primary, which ends every session on it.
    support::eventually([&] { return !takes_writes("127.0.0.11"); }, 60s, "p1 to be demoted");
    EXPECT_THAT(who_answers(proxy, "replicas"), EndsWith("|t"));
    EXPECT_TRUE(reader.untouched());
    testbed.run({"start", "etcd"});
    support::eventually(
        [&] { return testing::Value(who_answers(proxy, "master"), EndsWith("|f")); }, 60s,
        "the leader port to reach a primary again");
    EXPECT_TRUE(reader.untouched());
}

TEST(RealTopology, SynchronousModeAndTags) {
    Testbed testbed({"--synchronous-mode", "on", "--tags", "p3:zone=a"});
    const ProxyUnderTest proxy(real_config(
        "      sync: {listen: \"127.0.0.1:0\", roles: [sync], host_port: 5432}\n"
        "      async: {listen: \"127.0.0.1:0\", roles: [async], host_port: 5432}\n"
        "      zone_a: {listen: \"127.0.0.1:0\", roles: [replica], tags: {zone: a}}\n"));
    const std::string sync = who_answers(proxy, "sync");
    const std::string async = who_answers(proxy, "async");
    EXPECT_THAT(sync, EndsWith("|t"));
    EXPECT_THAT(async, EndsWith("|t"));
    EXPECT_NE(sync, async);
    EXPECT_EQ(who_answers(proxy, "zone_a"), "127.0.0.13|t");

    testbed.run({"tag", "p3", "noloadbalance=true"});
    support::eventually([&] { return who_answers(proxy, "zone_a").empty(); }, 20s,
                        "p3 to be left alone");
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(who_answers(proxy, "replicas"), "127.0.0.12|t");
}

TEST(RealTopology, HeldReplayShowsInLiveLag) {
    Testbed testbed;
    // On a busy machine p3 itself needs seconds to replay what is written here.
    const ProxyUnderTest proxy(real_config(
        "      live: {listen: \"127.0.0.1:0\", roles: [replica], max_lag_in_bytes: 8MB,\n"
        "             lag_source: live, lag_window: 5s}\n"
        "      receive: {listen: \"127.0.0.1:0\", roles: [replica], max_lag_in_bytes: 8MB,\n"
        "                lag_source: cluster, lag_window: 5s}\n"));
    HeldSession held(session_on(proxy, "live", "127.0.0.12"));
    HeldSession by_cluster(session_on(proxy, "receive", "127.0.0.12"));
    HeldSession other(session_on(proxy, "live", "127.0.0.13"));
    testbed.run({"hold", "p2"});
    testbed.run({"write-wal", "20"});
    EXPECT_TRUE(held.session().wait_for_closed(20s));
    EXPECT_EQ(who_answers(proxy, "live"), "127.0.0.13|t");
    EXPECT_TRUE(other.untouched());
    // Before 4.1 Patroni reports only what a member has received, and never sees a halted replay.
    EXPECT_TRUE(by_cluster.untouched());
    testbed.run({"release", "p2"});
    EXPECT_NE(session_on(proxy, "replicas", "127.0.0.12"), nullptr);
}

TEST(RealTopology, CleanlyStoppedReplicaIsLeftAlone) {
    Testbed testbed;
    const ProxyUnderTest proxy(real_config());
    HeldSession other(session_on(proxy, "replicas", "127.0.0.13"));
    testbed.run({"stop", "p2"});
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(who_answers(proxy, "replicas"), "127.0.0.13|t");
    EXPECT_TRUE(other.untouched());
    EXPECT_EQ(who_answers(proxy, "master"), "127.0.0.11|f");
}

TEST(RealTopology, PatroniOverTlsWithClientCertificates) {
    Testbed testbed({"--tls", "required"});
    const std::string dir = std::string(Testbed::kStateDir) + "/tls/";
    const ProxyUnderTest proxy(real_config({}, "https",
                                           "    tls: {ca_cert: " + dir +
                                               "ca.crt, client_cert: " + dir +
                                               "client.crt, client_key: " + dir + "client.key}\n"));
    EXPECT_EQ(who_answers(proxy, "master"), "127.0.0.11|f");
    EXPECT_THAT(who_answers(proxy, "replicas"), EndsWith("|t"));

    ProxyUnderTest without(real_config({}, "https", "    tls: {ca_cert: " + dir + "ca.crt}\n"));
    without.daemon().wait_for_line("the server requires a client certificate");
    EXPECT_EQ(who_answers(without, "master"), "");

    ProxyUnderTest wrong(real_config({}, "https", ""));
    wrong.daemon().wait_for_line("signed by an unknown CA");
    EXPECT_EQ(who_answers(wrong, "master"), "");
}

TEST(RealTopology, SwitchoverAtPatronisDefaultsCutsNoReader) {
    Testbed testbed({"--loop-wait", "10", "--ttl", "30", "--tags", "p3:nofailover=true"});
    const ProxyUnderTest proxy(real_config());
    HeldSession reader(session_on(proxy, "replicas", "127.0.0.13"));
    PsqlSession writer(conninfo(proxy, "master"));
    testbed.run({"switchover", "--to", "p2"});
    EXPECT_TRUE(writer.wait_for_closed(10s));
    support::eventually([&] { return who_answers(proxy, "master") == "127.0.0.12|f"; }, 30s,
                        "the leader port to reach p2");
    // p3 shows the old timeline until its next loop: new readers are served all the same.
    for (const auto end = support::Clock::now() + 13s; support::Clock::now() < end;)
        EXPECT_THAT(who_answers(proxy, "replicas"), EndsWith("|t"));
    EXPECT_TRUE(reader.untouched());
}

TEST(RealTopology, KillAtPatronisDefaultsCutsNoReader) {
    Testbed testbed({"--loop-wait", "10", "--ttl", "30", "--tags", "p3:nofailover=true"});
    const ProxyUnderTest proxy(real_config());
    HeldSession reader(session_on(proxy, "replicas", "127.0.0.13"));
    PsqlSession writer(conninfo(proxy, "master"));
    testbed.run({"kill", "p1"});
    EXPECT_TRUE(writer.wait_for_closed(10s));
    support::eventually([&] { return who_answers(proxy, "master") == "127.0.0.12|f"; }, 90s,
                        "the leader port to reach p2");
    for (const auto end = support::Clock::now() + 13s; support::Clock::now() < end;)
        EXPECT_EQ(who_answers(proxy, "replicas"), "127.0.0.13|t");
    EXPECT_TRUE(reader.untouched());
}

/// Polls GET /cluster of a member until it has shown a lag over 16 MB `times` times. Fails after
/// two minutes.
void wait_for_false_lag(int times) {
    const std::string script =
        "import json, sys, time, urllib.request\n"
        "seen, end = 0, time.monotonic() + 120\n"
        "while seen < " +
        std::to_string(times) +
        ":\n"
        "    if time.monotonic() > end: sys.exit('no lag was shown')\n"
        "    answer = json.load(urllib.request.urlopen('http://127.0.0.11:8008/cluster'))\n"
        "    lags = [m.get('lag', 0) for m in answer['members']]\n"
        "    if any(isinstance(lag, int) and lag > 16 << 20 for lag in lags):\n"
        "        seen += 1\n"
        "        time.sleep(1)\n";
    const auto result = support::run({"/usr/bin/python3", "-c", script}, {}, 150s);
    EXPECT_EQ(result.status.code, 0) << result.err;
}

TEST(RealTopology, TheFalseLagOfEveryLoopUnderWritesCutsNoReaderAtPatronisDefaults) {
    Testbed testbed({"--loop-wait", "10", "--ttl", "30"});
    std::string config = real_config(
        "      fresh: {listen: \"127.0.0.1:0\", roles: [replica], max_lag_in_bytes: 16MB}\n");
    // Often enough to meet moments of less than a tenth of a second.
    config.replace(config.find("interval: 1"), 11, "interval: 100ms");
    const ProxyUnderTest proxy(config);
    HeldSession p2(session_on(proxy, "fresh", "127.0.0.12"));
    HeldSession p3(session_on(proxy, "fresh", "127.0.0.13"));

    std::atomic<bool> done{false};
    auto writing = std::async(std::launch::async, [&] {
        while (!done)
            testbed.run({"write-wal", "20"});
    });
    wait_for_false_lag(3);
    EXPECT_THAT(who_answers(proxy, "fresh"), EndsWith("|t"));
    done = true;
    writing.get();
    EXPECT_TRUE(p2.untouched());
    EXPECT_TRUE(p3.untouched());
}

}  // namespace
