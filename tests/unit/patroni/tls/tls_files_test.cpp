// The files of certificates and keys.

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls_fixture.h"

namespace patroni::tls_tests {
namespace {

using testing::StartsWith;

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
}  // namespace patroni::tls_tests
