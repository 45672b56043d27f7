// What a file may say although it is probably not meant: a warning, and the file is good.

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_text.h"
#include "patroni_proxy/config/config.h"
#include "support/fakes/certificates.h"
#include "support/process/temp_dir.h"

namespace proxy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<std::string> warnings_of(const std::string& text) {
    return parse_config(text, "proxy.yaml").warnings;
}

std::string port(const std::string& keys) {
    return file_with_port("p: {listen: \"127.0.0.1:1\", " + keys + "}");
}

TEST(ConfigWarningsTest, SayNothingOfAUsualFile) {
    EXPECT_THAT(warnings_of(file_with("cluster_update_interval: 3\nidle_timeout: 3600\n"
                                      "drain_timeout: 86400\nqueue_timeout: 10\n"
                                      "connect_timeout: 4\nlisten_address: 0.0.0.0:8009")),
                IsEmpty());
    EXPECT_THAT(warnings_of(port("roles: [sync, async], max_lag_in_bytes: 16MB, lag_window: 10s, "
                                 "fallback_roles: [leader]")),
                IsEmpty());
    for (const std::string usual : {"7200", "28800", "36000", "604800", "4000s", "4000ms", "0"})
        EXPECT_THAT(warnings_of(file_with("idle_timeout: " + usual)), IsEmpty()) << usual;
}

TEST(ConfigWarningsTest, NumbersThatLookLikeMilliseconds) {
    EXPECT_THAT(warnings_of(file_with("connect_timeout: 4000")),
                ElementsAre("proxy.yaml:1: warning: the file: connect_timeout 4000 is 1 h 6 min, "
                            "because a number without a unit counts seconds; did you mean 4s? If "
                            "not, write 4000s"));
    const std::pair<std::string, std::string> cases[] = {
        {"connect_timeout: 250",
         "is 4 min 10 s, because a number without a unit counts seconds; did "
         "you mean 250ms?"},
        {"cluster_update_interval: 500", "is 8 min 20 s"},
        {"queue_timeout: 1500", "did you mean 1500ms?"},
        {"idle_timeout: 600000", "is 6 d 22 h"},
        {"drain_timeout: 60000", "is 16 h 40 min"},
    };
    for (const auto& [line, expected] : cases)
        EXPECT_THAT(warnings_of(file_with(line)), ElementsAre(HasSubstr(expected))) << line;
    EXPECT_THAT(warnings_of(port("roles: [any], lag_window: 10000")),
                ElementsAre(HasSubstr("proxy.yaml:6: warning: port 'p': lag_window 10000 is")));
}

TEST(ConfigWarningsTest, ADrainThatLeavesNoTime) {
    EXPECT_THAT(warnings_of(file_with("stop: drain")), IsEmpty());
    EXPECT_THAT(warnings_of(file_with("stop: drain\ndrain_timeout: 0")),
                ElementsAre(HasSubstr("proxy.yaml:1: warning: stop: drain has no effect with")));
}

TEST(ConfigWarningsTest, AUnixSocketThatIsToRefuse) {
    EXPECT_THAT(
        warnings_of(file_with_port("p: {listen: /run/s, roles: [any], no_backend: refuse}")),
        ElementsAre(HasSubstr("port 'p': no_backend: refuse has no effect on unix sockets")));
    EXPECT_THAT(warnings_of(file_with_port("p: {listen: [/run/s, \"127.0.0.1:1\"], roles: [any], "
                                           "no_backend: refuse}")),
                IsEmpty());
}

TEST(ConfigWarningsTest, ALagLimitThatNobodyMeets) {
    EXPECT_THAT(warnings_of(port("roles: [any], max_lag_in_bytes: 0")),
                ElementsAre("proxy.yaml:6: warning: port 'p': max_lag_in_bytes 0 leaves out every "
                            "replica that is a byte behind; without the key there is no limit"));
    EXPECT_THAT(
        warnings_of(port("roles: [any], max_lag_in_bytes: 16")),
        ElementsAre(HasSubstr("16 is 16 bytes, less than a page of WAL; did you mean 16MB?")));
    for (const std::string meant : {"16B", "8192", "1048576", "16MB"})
        EXPECT_THAT(warnings_of(port("roles: [any], max_lag_in_bytes: " + meant)), IsEmpty());
}

TEST(ConfigWarningsTest, NoClusters) {
    EXPECT_THAT(
        warnings_of("clusters: {}\n"),
        ElementsAre("proxy.yaml:1: warning: there are no clusters, so no client is served"));
}

TEST(ConfigWarningsTest, APollIntervalLongerThanAFailover) {
    EXPECT_THAT(
        warnings_of(file_with("cluster_update_interval: 1min")),
        ElementsAre(HasSubstr("cluster_update_interval 1min is longer than Patroni's ttl")));
    EXPECT_THAT(warnings_of(file_with("cluster_update_interval: 30")), IsEmpty());
}

TEST(ConfigWarningsTest, HostsThatAreNoRestApi) {
    const auto host = [](const std::string& url) {
        return warnings_of(file_with_hosts("hosts: \"" + url + "\""));
    };
    EXPECT_THAT(host("http://10.0.0.1:5432"),
                ElementsAre(HasSubstr("5432 is usually the port of")));
    EXPECT_THAT(host("http://10.0.0.1"), ElementsAre(HasSubstr("the port is 80; Patroni's REST API "
                                                               "usually listens on port 8008")));
    EXPECT_THAT(host("https://patroni.example.com"), IsEmpty());
}

TEST(ConfigWarningsTest, AHostOfTwoClusters) {
    const std::string clusters =
        "clusters:\n"
        "  a: {hosts: \"http://h:8008\", ports: {p: {listen: \"127.0.0.1:1\", roles: any}}}\n"
        "  b: {hosts: \"http://h:8008/\", ports: {p: {listen: \"127.0.0.1:2\", roles: any}}}\n";
    EXPECT_THAT(warnings_of(clusters),
                ElementsAre("proxy.yaml:3: warning: cluster 'b': host 'http://h:8008/' belongs to "
                            "another cluster too: line 2"));
}

TEST(ConfigWarningsTest, TlsThatIsNotUsedOrNotChecked) {
    EXPECT_THAT(warnings_of(file_with_hosts("hosts: \"http://h:8008\"\n    tls: {}")),
                ElementsAre("proxy.yaml:5: warning: tls of cluster 'c' has no effect: no host "
                            "begins with https://"));
    EXPECT_THAT(
        warnings_of(file_with_hosts("hosts: \"https://h:8008\"\n    tls: {skip_verify: true}")),
        ElementsAre(HasSubstr("proxy.yaml:5: warning: skip_verify: true accepts any certificate")));
}

TEST(ConfigWarningsTest, KeysForReplicasWhereOnlyTheLeaderServes) {
    EXPECT_THAT(warnings_of(port("roles: leader, tags: {zone: a}")),
                ElementsAre("proxy.yaml:6: warning: port 'p': tags has no effect: it concerns "
                            "replicas, and only the leader is in roles"));
    EXPECT_THAT(warnings_of(port("roles: [any], tags: {zone: a}")), IsEmpty());
}

TEST(ConfigWarningsTest, ALeaderThatFallsBackToStandbys) {
    EXPECT_THAT(warnings_of(port("roles: leader, fallback_roles: replica")),
                ElementsAre(HasSubstr("clients of the leader come to standbys and stay there")));
    EXPECT_THAT(warnings_of(port("roles: leader, fallback_roles: replica, fallback_return: close")),
                IsEmpty());
}

TEST(ConfigWarningsTest, TwoPortsThatAreTheSame) {
    const auto two = [](const std::string& second) {
        return warnings_of(file_with_port("a: {listen: \"127.0.0.1:1\", roles: leader}\n      " +
                                          ("b: {listen: \"127.0.0.1:2\", " + second + "}")));
    };
    EXPECT_THAT(
        two("roles: leader"),
        ElementsAre(HasSubstr("proxy.yaml:7: warning: port 'b' differs from 'a' only in its "
                              "address")));
    EXPECT_THAT(two("roles: replica"), IsEmpty());
    EXPECT_THAT(two("roles: leader, max_connections: 5"), IsEmpty());
}

TEST(ConfigWarningsTest, ASecretThatEveryUserMayRead) {
    const support::TempDir directory;
    const support::CertificateAuthority ca(directory);
    const auto certificate = ca.issue({.name = "proxy", .hosts = {"127.0.0.1"}});
    const std::string token = directory.write("token", "0123456789abcdef\n");
    const std::string text =
        file_with("http_control: true\nhttp_control_token_file: " + token +
                      "\nhttp_tls: {certificate: " + certificate.certificate +
                      ", key: " + certificate.key + "}",
                  "hosts: [\"https://h\"]\n    tls: {client_cert: " + certificate.certificate +
                      ", client_key: " + certificate.key + "}");
    using std::filesystem::perms;
    const auto all = perms::owner_read | perms::others_read;
    std::filesystem::permissions(token, all);
    std::filesystem::permissions(certificate.key, all);
    const std::string readable = ": every user of this host may read " + directory.path().string();
    EXPECT_THAT(warnings_of(text),
                UnorderedElementsAre(HasSubstr("http_tls: key" + readable),
                                     HasSubstr("http_control_token_file" + readable),
                                     HasSubstr("tls of cluster 'c': client_key" + readable)));
    std::filesystem::permissions(token, perms::owner_read | perms::group_read);
    std::filesystem::permissions(certificate.key, perms::owner_read);
    EXPECT_THAT(warnings_of(text), IsEmpty());
}

TEST(ConfigWarningsTest, AKeyInTheFileOfItsCertificateThatEveryUserMayRead) {
    const support::TempDir directory;
    const support::CertificateAuthority ca(directory);
    const auto client = ca.issue({.name = "proxy"});
    const std::string text =
        file_with("", "hosts: [\"https://h\"]\n    tls: {client_cert: " + client.both + "}");
    using std::filesystem::perms;
    std::filesystem::permissions(client.both, perms::owner_read | perms::others_read);
    EXPECT_THAT(warnings_of(text), testing::ElementsAre(HasSubstr(
                                       "tls of cluster 'c': client_cert: every user of this "
                                       "host may read ")));
    std::filesystem::permissions(client.both, perms::owner_read);
    EXPECT_THAT(warnings_of(text), IsEmpty());
}

}  // namespace
}  // namespace proxy
