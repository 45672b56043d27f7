// Whose certificate is trusted, and which one is shown.

#include <chrono>
#include <stdlib.h>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls_fixture.h"

namespace patroni::tls_tests {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

TEST_F(TlsTest, TrustsTheSystemsCasWithoutACaCert) {
    // Read by OpenSSL in place of the file that Debian keeps.
    // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread is there yet
    ::setenv("SSL_CERT_FILE", ca_.certificate().c_str(), 1);
    FakePatroni patroni(server());
    patroni.answer_cluster("{}");
    RestClient without_settings(kPatient);
    EXPECT_EQ(text_of(without_settings.get({true, "127.0.0.1", patroni.port()}, "/cluster")),
              kAnswer);
    EXPECT_EQ(get(patroni, {}), kAnswer);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the fake does not look at it
    ::unsetenv("SSL_CERT_FILE");
    EXPECT_EQ(get(patroni, {}), "the certificate is signed by an unknown CA: /CN=ca");
}

TEST_F(TlsTest, RefusesAnUnknownCa) {
    const CertificateAuthority other(directory_, "other");
    EXPECT_EQ(get_from(server(), {.ca_cert = other.certificate()}),
              "the certificate is signed by an unknown CA: /CN=ca");
    EXPECT_EQ(get_from(server(), {.ca_cert = other.certificate(), .skip_verify = true}), kAnswer);
}

TEST_F(TlsTest, RefusesASelfSignedCertificate) {
    // A CA's own certificate needs the key that only the CA has: a second CA signs the same name.
    const CertificateAuthority impostor(directory_, "other/ca");
    const auto files = impostor.issue({.name = "impostor", .hosts = {"127.0.0.1"}});
    EXPECT_THAT(get_from({.certificate = files.certificate, .key = files.key}, trusting()),
                HasSubstr("unknown CA"));
}

TEST_F(TlsTest, RefusesAnExpiredCertificate) {
    const auto files = ca_.issue({.name = "old", .hosts = {"127.0.0.1"}, .ends = -60s});
    const TlsOptions expired{.certificate = files.certificate, .key = files.key};
    EXPECT_THAT(get_from(expired, trusting()),
                MatchesRegex("the certificate expired on 2...-..-.. ..:..:.. UTC"));
    EXPECT_EQ(get_from(expired, unchecked_), kAnswer);
}

TEST_F(TlsTest, RefusesACaThatHasExpired) {
    const CertificateAuthority old(directory_, "old ca", -60s);
    const auto files = old.issue({.name = "young", .hosts = {"127.0.0.1"}});
    const TlsOptions young{.certificate = files.certificate, .key = files.key};
    EXPECT_THAT(get_from(young, {.ca_cert = old.certificate()}),
                MatchesRegex("the CA certificate /CN=old ca expired on 2...-..-.. ..:..:.. UTC"));
    EXPECT_EQ(get_from(young, unchecked_), kAnswer);
}

TEST_F(TlsTest, RefusesACertificateThatIsNotValidYet) {
    const auto files = ca_.issue({.name = "new", .hosts = {"127.0.0.1"}, .begins = 60s});
    const TlsOptions early{.certificate = files.certificate, .key = files.key};
    EXPECT_THAT(get_from(early, trusting()),
                MatchesRegex("the certificate is not valid before 2...-..-.. ..:..:.. UTC"));
    EXPECT_EQ(get_from(early, unchecked_), kAnswer);
}

TEST_F(TlsTest, RefusesACertificateForAnotherHost) {
    const TlsOptions other = server_for({"pg2.example.com", "10.0.0.2", "fd00::2"});
    EXPECT_EQ(get_from(other, trusting()),
              "the certificate is for pg2.example.com, 10.0.0.2, fd00::2, not for 127.0.0.1");
    EXPECT_EQ(get_from(other, trusting(), "localhost"),
              "the certificate is for pg2.example.com, 10.0.0.2, fd00::2, not for localhost");
    EXPECT_EQ(get_from(other, unchecked_), kAnswer);
    EXPECT_EQ(get_from(other, unchecked_, "localhost"), kAnswer);
}

TEST_F(TlsTest, RefusesANameForAnAddressAndTheOtherWayRound) {
    EXPECT_EQ(get_from(server_for({"localhost"}), trusting()),
              "the certificate is for localhost, not for 127.0.0.1");
    EXPECT_EQ(get_from(server(), trusting(), "localhost"),
              "the certificate is for 127.0.0.1, not for localhost");
}

TEST_F(TlsTest, RefusesAnAddressThatIsOnlyTheCommonName) {
    const auto files = ca_.issue({.name = "127.0.0.1"});
    EXPECT_EQ(get_from({.certificate = files.certificate, .key = files.key}, trusting()),
              "the certificate is for /CN=127.0.0.1, not for 127.0.0.1");
}

TEST_F(TlsTest, ShowsTheClientCertificate) {
    const auto client = ca_.issue({.name = "proxy"});
    FakePatroni patroni(server_that_asks_for_certificates());
    patroni.answer_cluster("{}");
    EXPECT_EQ(get(patroni, trusting_with(client)), kAnswer);
    EXPECT_EQ(patroni.request_log().at(0).client_name, "proxy");
}

TEST_F(TlsTest, TheKeyMayBeInTheCertificatesFile) {
    const auto client = ca_.issue({.name = "proxy"});
    EXPECT_EQ(get_from(server_that_asks_for_certificates(),
                       {.ca_cert = ca_.certificate(), .client_cert = client.both}),
              kAnswer);
}

TEST_F(TlsTest, AServerThatRequiresAClientCertificateSaysSo) {
    // TLS 1.3 says it after the handshake, when the request may be under way or have failed.
    TlsOptions options = server_that_asks_for_certificates();
    for (const bool only_tls_1_2 : {false, true})
        for (int i = 0; i < 8; ++i) {
            options.only_tls_1_2 = only_tls_1_2;
            ASSERT_EQ(get_from(options, trusting()), "the server requires a client certificate");
            ASSERT_EQ(get_from(options, unchecked_), "the server requires a client certificate");
        }
}

TEST_F(TlsTest, AServerThatDoesNotAcceptOurCertificateSaysSo) {
    const CertificateAuthority other(directory_, "other");
    const auto stranger = other.issue({.name = "stranger"});
    const auto late = ca_.issue({.name = "late", .ends = -60s});
    TlsOptions options = server_that_asks_for_certificates();
    for (const bool only_tls_1_2 : {false, true})
        for (int i = 0; i < 4; ++i) {
            options.only_tls_1_2 = only_tls_1_2;
            ASSERT_EQ(get_from(options, trusting_with(stranger)),
                      "the server does not accept our client certificate: unknown CA");
            ASSERT_EQ(get_from(options, trusting_with(late)),
                      "the server does not accept our client certificate: certificate expired");
        }
}

TEST_F(TlsTest, AReplacedFileCountsForTheNextClient) {
    const auto old_client = ca_.issue({.name = "proxy", .ends = -60s});
    FakePatroni patroni(server_that_asks_for_certificates());
    patroni.answer_cluster("{}");
    const auto settings = trusting_with(old_client);
    RestClient before(kPatient, {.tls = read_tls_credentials(settings, daemons::read_file)});
    const Endpoint endpoint{true, "127.0.0.1", patroni.port()};
    const std::string refusal =
        "the server does not accept our client certificate: certificate expired";
    EXPECT_EQ(text_of(before.get(endpoint, "/cluster")), refusal);
    (void)ca_.issue({.name = "proxy"});
    EXPECT_EQ(text_of(before.get(endpoint, "/cluster")), refusal);
    RestClient after(kPatient, {.tls = read_tls_credentials(settings, daemons::read_file)});
    EXPECT_EQ(text_of(after.get(endpoint, "/cluster")), kAnswer);
}

}  // namespace
}  // namespace patroni::tls_tests
