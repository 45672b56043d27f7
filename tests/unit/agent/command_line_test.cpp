#include "patroni_agent/command_line.h"

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fakes/certificates.h"
#include "support/process/temp_dir.h"

namespace agent {
namespace {

using namespace std::chrono_literals;
using patroni::RequestedRole;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

Config config_of_options(std::vector<std::string> arguments) {
    CLI::App app;
    CommandLine command_line;
    add_options(app, command_line);
    std::reverse(arguments.begin(), arguments.end());
    app.parse(arguments);
    return config_of(command_line);
}

std::string problems_of(const std::vector<std::string>& arguments) {
    try {
        (void)config_of_options(arguments);
        return {};
    } catch (const std::exception& error) {
        return error.what();
    }
}

TEST(CommandLineTest, WithoutAnythingItAnswersForTheMemberBesideIt) {
    const Config config = config_of_options({});
    ASSERT_EQ(config.clusters.size(), 1U);
    ASSERT_EQ(config.clusters[0].hosts.size(), 1U);
    EXPECT_EQ(config.clusters[0].hosts[0].url(), "http://localhost:8008");
    EXPECT_EQ(config.clusters[0].tls, nullptr);
    ASSERT_EQ(config.listeners.size(), 1U);
    const auto& listener = config.listeners[0];
    EXPECT_EQ(listener.name, "leader");
    ASSERT_EQ(listener.listen.size(), 1U);
    EXPECT_EQ(listener.listen[0].to_string(), "[::]:5555");
    EXPECT_THAT(listener.wanted.roles, ElementsAre(RequestedRole::leader));
    EXPECT_EQ(listener.member, "");
    EXPECT_EQ(listener.profile.stale_after, 5s);
    EXPECT_FALSE(listener.by_request);
    EXPECT_EQ(config.interval, 1s);
    EXPECT_FALSE(config.listen_address);
}

TEST(CommandLineTest, OptionsMeanWhatAFileWouldSay) {
    const support::TempDir directory;
    const support::CertificateAuthority ca(directory);
    const auto client = ca.issue({.name = "client"});
    const auto options = config_of_options({"--listen",      "127.0.0.1:5556",
                                            "--patroni",     "https://10.0.0.1:8008",
                                            "--member",      "p\"${1}\"",
                                            "--role",        "replica",
                                            "--interval",    "500ms",
                                            "--max-lag",     "16MB",
                                            "--http",        "127.0.0.1:8009",
                                            "--ca-cert",     ca.certificate(),
                                            "--client-cert", client.certificate,
                                            "--client-key",  client.key,
                                            "--skip-verify"});
    const auto file = parse_config(R"(
interval: 500ms
listen_address: 127.0.0.1:8009
clusters:
  patroni:
    hosts: ["https://10.0.0.1:8008"]
    tls: {skip_verify: true}
listeners:
  replica: {listen: "127.0.0.1:5556", roles: [replica], member: 'p"$${1}"', max_lag_in_bytes: 16MB}
)",
                                   "agent.yaml");
    EXPECT_EQ(options.interval, file.interval);
    EXPECT_EQ(options.listen_address, file.listen_address);
    EXPECT_EQ(options.clusters[0].hosts, file.clusters[0].hosts);
    EXPECT_NE(options.clusters[0].tls, nullptr);
    const auto& given = options.listeners[0];
    const auto& same = file.listeners[0];
    EXPECT_EQ(given.name, same.name);
    EXPECT_EQ(given.listen, same.listen);
    EXPECT_EQ(given.wanted, same.wanted);
    EXPECT_EQ(given.member, same.member);
    EXPECT_EQ(given.cluster, "patroni");
    EXPECT_EQ(given.profile.stale_after, same.profile.stale_after);
    EXPECT_EQ(given.profile.stale_after, 30s);
}

TEST(CommandLineTest, ErrorsNameTheOption) {
    struct {
        std::vector<std::string> arguments;
        std::string problem;
    } const cases[] = {
        {{"--listen", "5555"}, "--listen: listener 'leader': listen '5555' is not allowed"},
        {{"--patroni", "10.0.0.1"}, "--patroni: host '10.0.0.1': "},
        {{"--role", "master"}, "--role: listener 'master': unknown role 'master'; allowed: leader"},
        {{"--role", "a: {b\nc\"\t"}, "--role: listener 'a: {b\nc\"\t': unknown role"},
        {{"--interval", "never"}, "--interval: the file: interval 'never' is not allowed"},
        {{"--interval", "1ms"}, "--interval: interval must be at least 100ms"},
        {{"--interval", "5s"}, "--role: listener 'leader': stale_after must be at least"},
        {{"--max-lag", "much"}, "--max-lag: listener 'leader': max_lag_in_bytes 'much'"},
        {{"--http", "80"}, "--http: HTTP API: listen_address '80' is not allowed"},
        {{"--http", "127.0.0.1:5555"},
         "--listen: listener 'leader': [::]:5555 is taken by "
         "127.0.0.1:5555 in --http already"},
        {{"--ca-cert", "/nonexistent.pem"}, "TLS: tls of cluster 'patroni': "},
    };
    for (const auto& each : cases)
        EXPECT_THAT(problems_of(each.arguments), StartsWith(each.problem));
}

TEST(CommandLineTest, AFileAndOptionsForWhatIsInItDoNotGoTogether) {
    const std::vector<std::vector<std::string>> options{{"--listen", "127.0.0.1:1"},
                                                        {"--patroni", "http://h:1"},
                                                        {"--role", "any"},
                                                        {"--skip-verify"},
                                                        {"--http", "127.0.0.1:1"}};
    for (const auto& option : options) {
        std::vector<std::string> arguments{"agent.yaml"};
        arguments.insert(arguments.end(), option.begin(), option.end());
        EXPECT_THAT(problems_of(arguments), HasSubstr("excludes")) << option.front();
        arguments.insert(arguments.begin(), "-f");
        EXPECT_THAT(problems_of(arguments), HasSubstr("excludes")) << option.front();
    }
    EXPECT_THAT(problems_of({"--log-level", "loud"}), HasSubstr("must be error, warning"));
}

TEST(CommandLineTest, TheFileIsReadWhereThereIsOne) {
    const support::TempDir directory;
    EXPECT_THAT(problems_of({(directory.path() / "none.yaml").string()}),
                HasSubstr("No such file"));
    const std::string file = directory.write("bad.yaml", "clusters: {}\nlisteners: []\n");
    for (const auto& arguments : {std::vector{file}, {"-f", file}})
        EXPECT_EQ(problems_of(arguments),
                  file + ":2: listeners must be a mapping of keys to values");
}

}  // namespace
}  // namespace agent
