// contrib/patroni: what Patroni calls makes the proxies look at once, and never holds Patroni up.

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
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
support::RunResult call_script(const std::string& script, support::Milliseconds timeout,
                               std::vector<std::string> arguments,
                               const std::string& environment = {}, const std::string& ca = {}) {
    arguments.insert(arguments.begin(), script);
    arguments.insert(arguments.end(), {"on_role_change", "master", "c"});
    support::ProcessOptions options;
    // A proxy of the web is none for these requests.
    options.environment = {{"PATRONI_PROXIES", environment}, {"http_proxy", "http://127.0.0.1:1"}};
    if (!ca.empty())
        options.environment.emplace_back("CURL_CA_BUNDLE", ca);
    return support::run(arguments, options, timeout);
}

/// Where all proxies answer, however long a busy machine takes for it.
support::RunResult call(const std::vector<std::string>& arguments,
                        const std::string& environment = {}, const std::string& ca = {}) {
    std::ifstream in(kScript);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    const std::pair<std::string, std::string> limits[]{{"KILL 1 ", "KILL 25 "},
                                                       {"-time 0.9 ", "-time 20 "}};
    for (const auto& [limit, longer] : limits)
        text.replace(text.find(limit), limit.size(), longer);
    const support::TempDir dir;
    const std::string script = dir.write("tell_proxies", text);
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    return call_script(script, std::chrono::seconds(60), arguments, environment, ca);
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
    support::RunResult called;
    auto fastest = support::Clock::duration::max();
    for (int i = 0; i < 3 && fastest >= std::chrono::seconds(4); ++i) {
        const auto begin = support::Clock::now();
        called = call_script(kScript, support::default_timeout,
                             {hanging.address(), refusing.address(), nowhere, api_of(proxy)});
        fastest = std::min(fastest, support::Clock::now() - begin);
    }
    EXPECT_LT(fastest, std::chrono::seconds(4)) << "two, and what a busy machine adds";
    EXPECT_EQ(called.status, support::ExitStatus{0});
    for (const auto& missing : {hanging.address(), refusing.address(), nowhere})
        EXPECT_THAT(called.err, HasSubstr("tell_proxies: " + missing + " did not answer in time"));
    // It was told, even if its answer was late.
    proxy.wait_for_metric(R"(member_leads{cluster="c",member="b2"})", 1);
    EXPECT_EQ(proxy.connect("c/master").receive_line(), "b2");
}

TEST(PatroniCallback, WithNobodyToTellItSaysSoAndFailsNothing) {
    const auto called = call({});
    EXPECT_EQ(called.status, support::ExitStatus{0});
    EXPECT_THAT(called.err, HasSubstr("nobody to tell"));
}

}  // namespace
