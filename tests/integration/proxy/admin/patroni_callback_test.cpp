// contrib/patroni: what Patroni calls makes the proxies look at once, and never holds Patroni up.

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/proxy_under_test.h"
#include "support/fakes/certificates.h"
#include "support/fakes/fake_patroni.h"
#include "support/process/temp_dir.h"

using testing::HasSubstr;

namespace {

constexpr char kScript[] = CONTRIB_PATRONI "/tell_proxies";

std::string api_of(const ProxyUnderTest& proxy) {
    return "127.0.0.1:" + std::to_string(proxy.port("HTTP API"));
}

/// As Patroni calls it: the arguments of patroni.yml, and then its own three.
support::RunResult call(std::vector<std::string> arguments, const std::string& environment = {},
                        const std::string& ca = {}) {
    arguments.insert(arguments.begin(), kScript);
    arguments.insert(arguments.end(), {"on_role_change", "master", "c"});
    support::ProcessOptions options;
    // A proxy of the web is none for these requests.
    options.environment = {{"PATRONI_PROXIES", environment}, {"http_proxy", "http://127.0.0.1:1"}};
    if (!ca.empty())
        options.environment.emplace_back("CURL_CA_BUNDLE", ca);
    return support::run(arguments, options);
}

TEST(PatroniCallback, EveryProxyLooksAtOnceThoughItsIntervalIsAnHour) {
    FakeCluster cluster(2);
    const ProxyUnderTest one(cluster.config());
    const ProxyUnderTest two(cluster.config());
    cluster.lead_by(1);
    const auto called = call({api_of(one)}, api_of(two));
    EXPECT_EQ(called.status, support::ExitStatus{0});
    EXPECT_EQ(called.out + called.err, "");
    EXPECT_EQ(one.connect("c/master").receive_line(), "b2");
    EXPECT_EQ(two.connect("c/master").receive_line(), "b2");
}

TEST(PatroniCallback, SpeaksHttpsToAProxyThatDoes) {
    const support::TempDir dir;
    const support::CertificateAuthority ca(dir);
    const auto server = ca.issue({.name = "server", .hosts = {"127.0.0.1"}});
    FakeCluster cluster(2);
    const ProxyUnderTest proxy(config_top("http_tls: {certificate: " + server.certificate +
                                          ", key: " + server.key + "}\n") +
                               cluster.section("c", {{"master", kReadWrite}}));
    cluster.lead_by(1);
    EXPECT_EQ(call({"https://" + api_of(proxy)}, {}, ca.certificate()).err, "");
    EXPECT_EQ(proxy.connect("c/master").receive_line(), "b2");
    EXPECT_THAT(call({"https://" + api_of(proxy)}).err, HasSubstr("did not answer in time"));
}

TEST(PatroniCallback, AsksOnceMoreAsAPromotionMayNotBeDoneYet) {
    support::FakePatroni proxy;
    proxy.answer("/update_clusters", {});
    EXPECT_EQ(call({proxy.address()}).err, "");
    ASSERT_EQ(proxy.requests("/update_clusters"), 2U);
    EXPECT_EQ(proxy.request_log().front().method, "POST");
}

TEST(PatroniCallback, WhoDoesNotAnswerDelaysNeitherPatroniNorTheOthers) {
    FakeCluster cluster(2);
    const ProxyUnderTest proxy(cluster.config());
    support::FakePatroni hanging;
    hanging.answer("/update_clusters", {.fault = support::Fault::stall});
    support::FakePatroni refusing;
    refusing.stop();
    // Longer than a name's part may be, so that no server is asked.
    const std::string nowhere = std::string(64, 'x') + ":8009";
    cluster.lead_by(1);
    const auto begin = support::Clock::now();
    const auto called = call({hanging.address(), refusing.address(), nowhere, api_of(proxy)});
    // Two seconds, and what a busy machine adds.
    EXPECT_LT(support::Clock::now() - begin, std::chrono::seconds(4));
    EXPECT_EQ(called.status, support::ExitStatus{0});
    for (const auto& missing : {hanging.address(), refusing.address(), nowhere})
        EXPECT_THAT(called.err, HasSubstr("tell_proxies: " + missing + " did not answer in time"));
    EXPECT_THAT(called.err, testing::Not(HasSubstr(api_of(proxy))));
    EXPECT_EQ(proxy.connect("c/master").receive_line(), "b2");
}

TEST(PatroniCallback, WithNobodyToTellItSaysSoAndFailsNothing) {
    const auto called = call({});
    EXPECT_EQ(called.status, support::ExitStatus{0});
    EXPECT_THAT(called.err, HasSubstr("nobody to tell"));
}

}  // namespace
