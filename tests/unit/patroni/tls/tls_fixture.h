#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "daemon/system/file.h"
#include "patroni/rest/rest_client.h"
#include "patroni/tls/tls_settings.h"
#include "support/fakes/certificates.h"
#include "support/fakes/fake_patroni.h"
#include "support/process/temp_dir.h"
#include "unit/patroni/patience.h"
#include "unit/patroni/rest/reply_text.h"

namespace patroni::tls_tests {

using namespace std::chrono_literals;
using support::CertificateAuthority;
using support::CertificateFiles;
using support::FakePatroni;
using support::Fault;
using support::TlsOptions;

inline constexpr const char* kAnswer = "200 OK: {}";

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

}  // namespace patroni::tls_tests
