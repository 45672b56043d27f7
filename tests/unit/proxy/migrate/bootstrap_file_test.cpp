#include "patroni_proxy/migrate/bootstrap/bootstrap_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni/answers/cluster_parser.h"
#include "patroni_proxy/config/config.h"

namespace proxy::migrate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

BootstrapFacts facts(const std::string& members) {
    auto cluster =
        patroni::parse_cluster("{\"scope\": \"orders\", \"members\": [" + members + "]}");
    EXPECT_TRUE(cluster);
    return {.asked = {false, "10.0.0.9", 8008},
            .cluster = std::move(cluster).value(),
            .identity = {"", "7312345678901234567"},
            .tls = {}};
}

std::string member(const std::string& name, const std::string& address) {
    return "{\"name\": \"" + name + "\", \"role\": \"replica\", \"state\": \"streaming\", " +
           "\"api_url\": \"http://" + address + ":8008/patroni\", \"host\": \"" + address +
           "\", \"port\": 5432}";
}

TEST(BootstrapFile, IsACompleteConfiguration) {
    const std::string text =
        bootstrap_file(facts(member("p1", "10.0.0.1") + "," + member("p2", "10.0.0.2")));
    const Config config = parse_config(text, "bootstrap");
    ASSERT_EQ(config.clusters.size(), 1U);
    const auto& cluster = config.clusters[0];
    EXPECT_EQ(cluster.name, "orders");
    ASSERT_EQ(cluster.hosts.size(), 2U);
    EXPECT_EQ(cluster.hosts[1].url(), "http://10.0.0.2:8008");
    EXPECT_EQ(cluster.identity.scope, "orders");
    EXPECT_EQ(cluster.identity.system_identifier, "7312345678901234567");
    ASSERT_EQ(cluster.ports.size(), 2U);
    EXPECT_EQ(cluster.ports[0].wanted.roles, (std::set{patroni::RequestedRole::leader}));
    EXPECT_EQ(cluster.ports[1].wanted.roles, (std::set{patroni::RequestedRole::replica}));
    ASSERT_TRUE(cluster.ports[1].fallback);
    EXPECT_EQ(cluster.ports[1].wanted.max_lag, 16U * 1024 * 1024);
    EXPECT_TRUE(config.warnings.empty());
    EXPECT_THAT(text, HasSubstr("here 5432"));
}

TEST(BootstrapFile, NamesTheApiThatWasAskedIfNoMemberTellsItsOwn) {
    auto some = facts("{\"name\": \"p1\", \"role\": \"leader\", \"state\": \"running\"}");
    EXPECT_THAT(bootstrap_file(some), HasSubstr("- \"http://10.0.0.9:8008\"\n"));
}

TEST(BootstrapFile, SaysWhichCertificatesWereUsed) {
    auto some = facts(member("p1", "10.0.0.1"));
    EXPECT_THAT(bootstrap_file(some), Not(HasSubstr("tls:")));
    some.asked.tls = true;
    EXPECT_THAT(bootstrap_file(some), HasSubstr("#tls: {ca_cert"));
    some.tls = {.ca_cert = "/ca.pem", .client_cert = "/c.pem", .client_key = "/k.pem"};
    EXPECT_THAT(bootstrap_file(some),
                HasSubstr("    tls: {ca_cert: \"/ca.pem\", client_cert: \"/c.pem\", client_key: "
                          "\"/k.pem\"}\n"));
    some.tls = {.skip_verify = true};
    EXPECT_THAT(bootstrap_file(some), HasSubstr("tls: {skip_verify: true}"));
}

TEST(BootstrapFile, QuotesWhateverPatroniSays) {
    auto some = facts(member("p\\n1: \\\"", "10.0.0.1"));
    some.identity.scope = "a: \"b\" ${X}\n#";
    const Config config = parse_config(bootstrap_file(some), "bootstrap");
    EXPECT_EQ(config.clusters.at(0).identity.scope, some.identity.scope);
}

}  // namespace
}  // namespace proxy::migrate
