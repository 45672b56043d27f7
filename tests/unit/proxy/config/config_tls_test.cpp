#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_text.h"
#include "patroni_proxy/config/config.h"
#include "support/fakes/certificates.h"
#include "support/process/temp_dir.h"

namespace proxy {
namespace {

/// Files for Patroni over TLS, and a cluster that is configured with them.
class ConfigTlsTest : public testing::Test {
  protected:
    /// A cluster whose `tls`, from line 5 on, has these keys.
    static std::string file_with_tls(const std::vector<std::string>& keys) {
        std::string tls = "\n    tls:";
        for (const auto& key : keys)
            tls += "\n      " + key;
        return file_with_hosts("hosts: [\"https://h\"]" + tls);
    }

    support::TempDir directory_;
    support::CertificateAuthority ca_{directory_};
    support::CertificateFiles client_ = ca_.issue({.name = "client"});
};

TEST_F(ConfigTlsTest, FilesAreReadAtOnce) {
    const std::vector<std::vector<std::string>> cases{
        {"ca_cert: " + ca_.certificate()},
        {"client_cert: " + client_.certificate, "client_key: " + client_.key},
        {"client_cert: " + client_.both},
        {"skip_verify: true"},
        {"ca_cert: " + ca_.certificate(), "client_cert: " + client_.certificate,
         "client_key: " + client_.key, "skip_verify: false"},
    };
    for (const auto& keys : cases)
        EXPECT_NE(parse_config(file_with_tls(keys), "proxy.yaml").clusters.at(0).tls, nullptr)
            << keys[0];
}

TEST_F(ConfigTlsTest, NamesWhatIsWrong) {
    const std::string in_tls = "6: tls of cluster 'c': ";
    const std::string nowhere = directory_.path() / "nowhere.pem";
    expect_problems({
        {file_with_tls({"ca_cert: " + nowhere}),
         in_tls + nowhere + ": cannot be read: No such file or directory"},
        {file_with_tls({"ca_cert: " + client_.key}),
         in_tls + client_.key + ": it holds no certificate in PEM format"},
        {file_with_tls({"client_cert: " + client_.certificate, "client_key: " + nowhere}),
         in_tls + nowhere + ": cannot be read: No such file or directory"},
        {file_with_tls({"client_key: " + client_.key}),
         in_tls + client_.key + ": a client key needs its client certificate"},
        {file_with_tls({"ca_cert: [a, b]"}), in_tls + "ca_cert is not allowed; it takes text"},
        {file_with_tls({"skip_verify: yes"}),
         in_tls + "skip_verify 'yes' is not allowed; it takes true or false"},
        {file_with_tls({"ca_file: /etc/ca.pem", "skip_verify: true"}),
         "6: unknown key 'ca_file' in tls of cluster 'c'. Known: ca_cert, "
         "client_cert, client_key, skip_verify"},
        {file_with_hosts("hosts: [\"https://h\"]\n    tls: true"),
         "5: tls of cluster 'c' must be a mapping of keys to values"},
    });
}

TEST_F(ConfigTlsTest, WhatTheEnvironmentContainsIsNotShown) {
    daemons::Inputs inputs;
    inputs.variables = [](const std::string& name) { return "/none/secret-of-" + name; };
    const std::string cluster = "hosts: \"https://h\"";
    const std::string control = "http_control: true\n";
    for (const auto& file :
         {file_with_hosts(cluster + "\n    tls: {ca_cert: \"${NAME}\"}"),
          control + "http_control_token_file: \"${NAME}\"\n" + file_with_hosts(cluster),
          "http_tls: {certificate: \"${NAME}\", key: \"${NAME}\"}\n" + file_with_hosts(cluster),
          "log: {syslog: \"no ${NAME}\"}\n" + file_with_hosts(cluster)}) {
        try {
            (void)parse_config(file, "proxy.yaml", inputs);
            ADD_FAILURE() << "it was accepted: " << file;
        } catch (const ConfigError& error) {
            EXPECT_THAT(error.what(), testing::HasSubstr("${NAME}")) << file;
            EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("secret"))) << file;
        }
    }
}

}  // namespace
}  // namespace proxy
