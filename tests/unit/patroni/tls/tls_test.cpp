#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <sstream>
#include <stdlib.h>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/system/file.h"
#include "patroni/rest/rest_client.h"
#include "patroni/tls/tls_settings.h"
#include "support/fakes/certificates.h"
#include "support/fakes/fake_patroni.h"
#include "support/process/temp_dir.h"
#include "unit/patroni/patience.h"
#include "unit/patroni/rest/reply_text.h"

namespace patroni {
namespace {

using namespace std::chrono_literals;
using support::CertificateAuthority;
using support::CertificateFiles;
using support::FakePatroni;
using support::Fault;
using support::TlsOptions;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;
using Clock = std::chrono::steady_clock;

constexpr const char* kAnswer = "200 OK: {}";

/// A CA, the files it issues, and what is asked with them.
class TlsTest : public testing::Test {
  protected:
    /// A server on 127.0.0.1 whose certificate is for `hosts`.
    TlsOptions server_for(std::vector<std::string> hosts) {
        const auto files = ca_.issue({.name = "server", .hosts = std::move(hosts)});
        return {.certificate = files.certificate, .key = files.key};
    }

    TlsOptions server() { return server_for({"127.0.0.1"}); }

    TlsOptions server_that_asks_for_certificates() {
        TlsOptions options = server();
        options.client_ca = ca_.certificate();
        options.verify_client = true;
        return options;
    }

    [[nodiscard]] TlsSettings trusting() const { return {.ca_cert = ca_.certificate()}; }

    [[nodiscard]] TlsSettings trusting_with(const CertificateFiles& client) const {
        return {.ca_cert = ca_.certificate(),
                .client_cert = client.certificate,
                .client_key = client.key};
    }

    static std::string get(const FakePatroni& patroni, const TlsSettings& settings,
                           const std::string& host = "127.0.0.1",
                           RestClient::Timeouts timeouts = kPatient) {
        RestClient client(timeouts, {.tls = read_tls_credentials(settings, daemons::read_file)});
        return text_of(client.get({true, host, patroni.port()}, "/cluster"));
    }

    static std::string get_from(const TlsOptions& server, const TlsSettings& settings,
                                const std::string& host = "127.0.0.1") {
        FakePatroni patroni(server);
        patroni.answer_cluster("{}");
        return get(patroni, settings, host);
    }

    const support::TempDir directory_;
    const CertificateAuthority ca_{directory_};
    const TlsSettings unchecked_{.skip_verify = true};
};

TEST_F(TlsTest, AsksAnAddressAndSendsNoName) {
    FakePatroni patroni(server());
    patroni.answer_cluster("{}");
    EXPECT_EQ(get(patroni, trusting()), kAnswer);
    EXPECT_EQ(patroni.request_log().at(0).server_name, "");
    EXPECT_EQ(patroni.request_log().at(0).client_name, "");
}

TEST_F(TlsTest, AsksANameAndSendsIt) {
    FakePatroni patroni(server_for({"localhost"}));
    patroni.answer_cluster("{}");
    EXPECT_EQ(get(patroni, trusting(), "localhost"), kAnswer);
    EXPECT_EQ(patroni.request_log().at(0).server_name, "localhost");
}

TEST_F(TlsTest, TheDotThatEndsANameIsNoPartOfIt) {
    FakePatroni patroni(server_for({"pg1.example.com"}));
    patroni.answer_cluster("{}");
    const auto resolver = std::make_shared<Resolver>(
        [](const std::string& host, Resolver::Family) -> Result<Resolver::Addresses> {
            if (host != "pg1.example.com.")
                return Failure{"not asked for the whole name"};
            return Resolver::Addresses{"127.0.0.1"};
        });
    RestClient client(kPatient, {.tls = read_tls_credentials(trusting(), daemons::read_file),
                                 .resolver = resolver});
    EXPECT_EQ(text_of(client.get({true, "pg1.example.com.", patroni.port()}, "/cluster")), kAnswer);
    EXPECT_EQ(patroni.request_log().at(0).server_name, "pg1.example.com");
}

TEST_F(TlsTest, AsksAnIpv6Address) {
    FakePatroni patroni(server_for({"::1"}), "::1");
    patroni.answer_cluster("{}");
    EXPECT_EQ(get(patroni, trusting(), "::1"), kAnswer);
}

TEST_F(TlsTest, TakesAServerWithTls12) {
    TlsOptions options = server();
    options.only_tls_1_2 = true;
    EXPECT_EQ(get_from(options, trusting()), kAnswer);
}

TEST_F(TlsTest, ClosesTheConnectionAfterEachRequest) {
    FakePatroni patroni(server());
    patroni.answer_cluster("{}");
    RestClient client(kPatient, {.tls = read_tls_credentials(trusting(), daemons::read_file)});
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(text_of(client.get({true, "127.0.0.1", patroni.port()}, "/cluster")), kAnswer);
        patroni.wait_for_open_connections(0);
    }
}

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

TEST_F(TlsTest, RefusesTlsBefore12) {
    TlsOptions options = server();
    options.only_tls_1_1 = true;
    const std::string reason =
        "the server offers no TLS version that is allowed here: 1.2 or later";
    EXPECT_EQ(get_from(options, trusting()), reason);
    EXPECT_EQ(get_from(options, unchecked_), reason);
}

TEST_F(TlsTest, HttpsOnAPlainPortIsNamed) {
    FakePatroni plain;
    EXPECT_EQ(get(plain, trusting()), "the server does not speak TLS on this port: is it http://?");
    EXPECT_EQ(get(plain, unchecked_), "the server does not speak TLS on this port: is it http://?");
}

TEST_F(TlsTest, PlainHttpOnATlsPortIsNamed) {
    FakePatroni patroni(server());
    RestClient client(kPatient);
    EXPECT_THAT(
        text_of(client.get({false, "127.0.0.1", patroni.port()}, "/cluster")),
        AllOf(HasSubstr("the server reset the connection"), HasSubstr("is this port https://?")));
}

TEST_F(TlsTest, AnAnswerThatBreaksOffIsNoAnswer) {
    // Without TLS's own end anyone on the way could have cut it.
    TlsOptions options = server();
    options.close_notify = false;
    EXPECT_EQ(get_from(options, trusting()), "the answer was cut short");

    FakePatroni patroni(server());
    patroni.answer("/cluster", {.body = "{}", .fault = Fault::reset});
    EXPECT_THAT(get(patroni, trusting()), HasSubstr("the server reset the connection"));
    patroni.answer("/cluster", {.body = "{}", .fault = Fault::close_without_answer});
    EXPECT_THAT(get(patroni, trusting()),
                HasSubstr("the server closed the connection without an answer"));
}

TEST_F(TlsTest, NoHandshakeOrAnswerTakesMoreThanTheTotalTime) {
    for (const auto handshake : {TlsOptions::Handshake::stall, TlsOptions::Handshake::drip}) {
        TlsOptions options = server();
        options.handshake = handshake;
        FakePatroni patroni(options);
        const auto start = Clock::now();
        EXPECT_EQ(get(patroni, trusting(), "127.0.0.1", kImpatient),
                  "no complete answer within 100 ms");
        EXPECT_GE(Clock::now() - start, 100ms);
        EXPECT_LT(Clock::now() - start, kSoon);
    }
    FakePatroni patroni(server());
    patroni.answer("/cluster", {.body = std::string(1'000, 'x'), .fault = Fault::drip_body});
    EXPECT_EQ(get(patroni, trusting(), "127.0.0.1", kImpatient),
              "no complete answer within 100 ms");
}

TEST_F(TlsTest, ADrippedHandshakeThatEndsInTimeIsVerified) {
    TlsOptions options = server();
    options.handshake = TlsOptions::Handshake::drip;
    options.drip_interval = 0ms;
    EXPECT_EQ(get_from(options, trusting()), kAnswer);
    EXPECT_THAT(get_from(options, trusting(), "localhost"), HasSubstr("not for localhost"));
}

TEST_F(TlsTest, AbortEndsAHandshakeAtOnce) {
    TlsOptions options = server();
    options.handshake = TlsOptions::Handshake::stall;
    FakePatroni patroni(options);
    RestClient client(kPatient, {.tls = read_tls_credentials(trusting(), daemons::read_file)});
    auto reply = std::async(std::launch::async, [&] {
        return text_of(client.get({true, "127.0.0.1", patroni.port()}, "/cluster"));
    });
    patroni.wait_for_open_connections(1);
    const auto start = Clock::now();
    client.abort();
    EXPECT_EQ(reply.get(), "shutting down");
    EXPECT_LT(Clock::now() - start, kSoon);
}

TEST_F(TlsTest, ABodyMayTakeOneMebibyteAndNoMore) {
    FakePatroni patroni(server());
    const std::string mebibyte(1024 * 1024, 'x');
    patroni.answer_cluster(mebibyte);
    EXPECT_EQ(get(patroni, trusting()), "200 OK: " + mebibyte);
    patroni.answer("/cluster", {.fault = Fault::endless_body});
    EXPECT_THAT(get(patroni, trusting()), HasSubstr("the answer is larger than 1 MiB"));
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

class TlsFilesTest : public TlsTest {
  protected:
    static std::string failure_of(const TlsSettings& settings) {
        try {
            (void)read_tls_credentials(settings, daemons::read_file);
            return "none";
        } catch (const std::runtime_error& error) {
            return error.what();
        }
    }

    [[nodiscard]] std::string path(const std::string& name) const {
        return (directory_.path() / name).string();
    }

    static std::string content_of(const std::string& file) {
        std::ostringstream text;
        text << std::ifstream(file).rdbuf();
        return text.str();
    }

    const CertificateFiles client_ = ca_.issue({.name = "client"});
};

TEST_F(TlsFilesTest, AMissingFileIsNamed) {
    const std::string missing = path("missing.pem");
    const std::string expected = missing + ": cannot be read: No such file or directory";
    EXPECT_EQ(failure_of({.ca_cert = missing}), expected);
    EXPECT_EQ(failure_of({.client_cert = missing}), expected);
    EXPECT_EQ(failure_of({.client_cert = client_.certificate, .client_key = missing}), expected);
    EXPECT_EQ(failure_of({.ca_cert = directory_.path().string()}),
              directory_.path().string() + ": is a directory; it must be a regular file");
}

TEST_F(TlsFilesTest, AFileWithoutWhatItShouldHoldIsNamed) {
    const std::string text = directory_.write("text", "no certificate\n");
    EXPECT_EQ(failure_of({.ca_cert = text}), text + ": it holds no certificate in PEM format");
    EXPECT_EQ(failure_of({.ca_cert = client_.key}),
              client_.key + ": it holds no certificate in PEM format");
    EXPECT_EQ(failure_of({.client_cert = client_.key}),
              client_.key + ": it holds no certificate in PEM format");
    EXPECT_EQ(failure_of({.client_cert = client_.certificate}),
              client_.certificate + ": it holds no private key in PEM format, or a damaged one");
    EXPECT_EQ(failure_of({.client_cert = client_.certificate, .client_key = text}),
              text + ": it holds no private key in PEM format, or a damaged one");
}

TEST_F(TlsFilesTest, ADamagedFileIsNamed) {
    std::string certificate = content_of(client_.certificate);
    certificate.replace(100, 40, "A");
    const std::string damaged =
        directory_.write("damaged.crt", content_of(client_.certificate) + certificate);
    EXPECT_THAT(failure_of({.ca_cert = damaged}),
                StartsWith(damaged + ": a certificate in it is damaged"));
    std::string key = content_of(client_.key);
    key.replace(60, 8, "AAAAAAAA");
    const std::string damaged_key = directory_.write("damaged.key", key);
    EXPECT_EQ(failure_of({.client_cert = client_.certificate, .client_key = damaged_key}),
              damaged_key + ": it holds no private key in PEM format, or a damaged one");
}

TEST_F(TlsFilesTest, AKeyOfAnotherCertificateIsNamed) {
    const auto other = ca_.issue({.name = "other"});
    EXPECT_EQ(failure_of({.client_cert = client_.certificate, .client_key = other.key}),
              other.key + ": it is not the key of the certificate in " + client_.certificate);
}

TEST_F(TlsFilesTest, AKeyWithAPassphraseIsRefused) {
    const auto secret = ca_.issue({.name = "secret", .passphrase = "swordfish"});
    EXPECT_EQ(
        failure_of({.client_cert = secret.certificate, .client_key = secret.key}),
        secret.key + ": its private key needs a passphrase; only keys without one can be used");
}

TEST_F(TlsFilesTest, AKeyWithoutACertificateIsRefused) {
    EXPECT_EQ(failure_of({.client_key = client_.key}),
              client_.key + ": a client key needs its client certificate");
}

TEST_F(TlsFilesTest, SeveralCasMayBeInOneFile) {
    const CertificateAuthority other(directory_, "other");
    const std::string both =
        directory_.write("both.pem", content_of(other.certificate()) + "text between\n" +
                                         content_of(ca_.certificate()));
    EXPECT_EQ(get_from(server(), {.ca_cert = both}), kAnswer);
}

}  // namespace
}  // namespace patroni
