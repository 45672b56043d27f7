#include "patroni_proxy/migrate/draft/own_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patroni_proxy/config/config.h"

namespace proxy::migrate {
namespace {

TEST(OwnFile, IsPrintedInTheOrderOfTheDocumentation) {
    const std::string text = daemons::read_file(TEST_DATA "/haproxy/import/rust.yaml");
    EXPECT_TRUE(is_own_file(text));
    EXPECT_EQ(normalised(text, "rust.yaml"),
              "cluster_update_interval: 3\n"
              "clusters:\n"
              "  main:\n"
              "    hosts: [\"http://192.168.1.1:8008\", \"http://192.168.1.2:8008\"]\n"
              "    ports:\n"
              "      master:\n"
              "        listen: \"0.0.0.0:6432\"\n"
              "        roles: [leader]\n"
              "        host_port: 5432\n"
              "      replicas:\n"
              "        listen: \"0.0.0.0:6433\"\n"
              "        roles: [sync, async]\n"
              "        host_port: 5432\n"
              "        max_lag_in_bytes: 16777216\n");
}

TEST(OwnFile, MeansTheSameAfterwards) {
    const std::string text =
        "base: &b {listen: \"127.0.0.1:1\"}\n"
        "clusters:\n"
        "  \"a: b\":\n"
        "    hosts: [http://10.0.0.1:8008]\n"
        "    ports:\n"
        "      \"no\": {listen: \"127.0.0.1:2\", roles: [any], tags: {zone: \"1.10\", n: 1.10}}\n"
        "      p: {listen: [\"127.0.0.1:3\", \"[::1]:4\"], roles: [leader], idle_timeout: 1h}\n";
    const std::string good = text.substr(text.find("clusters:"));
    const std::string once = normalised(good, "f");
    EXPECT_EQ(parse_config(once, "f").clusters, parse_config(good, "f").clusters) << once;
    EXPECT_EQ(normalised(once, "f"), once);
    EXPECT_THROW((void)normalised(text, "f"), ConfigError) << "unknown key";
}

TEST(OwnFile, KeepsItsVariables) {
    const std::string text =
        "clusters:\n  c:\n    hosts: [\"http://${NOT_SET_ANYWHERE:-10.0.0.1}:8008\"]\n    ports:\n"
        "      p: {listen: \"127.0.0.1:1\", roles: [any], tags: {a: \"$${x}\"}}\n";
    EXPECT_THAT(normalised(text, "f"),
                testing::AllOf(testing::HasSubstr("${NOT_SET_ANYWHERE:-10.0.0.1}"),
                               testing::HasSubstr("\"$${x}\"")));
}

TEST(OwnFile, IsToldFromHaproxys) {
    EXPECT_FALSE(is_own_file("global\n maxconn 5\n"));
    EXPECT_TRUE(is_own_file("# x\nclusters:\n"));
}

}  // namespace
}  // namespace proxy::migrate
