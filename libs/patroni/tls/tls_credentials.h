#pragma once

#include <string>
#include <vector>

#include <openssl/ssl.h>

#include "patroni/tls/openssl_handle.h"
#include "patroni/tls/tls_settings.h"

namespace patroni {

/// The parsed content of the files that TlsSettings names. Immutable; any thread.
class TlsCredentials {
  public:
    /// Throws std::runtime_error with the file's name and what is wrong with it.
    TlsCredentials(const TlsSettings& settings, const ReadPem& read);

    [[nodiscard]] bool verifies_servers() const noexcept { return !skip_verify_; }
    [[nodiscard]] bool has_client_certificate() const noexcept { return !chain_.empty(); }

    /// Makes `context` trust these CAs and send this certificate. Throws std::runtime_error if
    /// OpenSSL considers it too weak.
    void use_in(SSL_CTX* context) const;

  private:
    using Certificate = OpenSslHandle<X509, X509_free>;
    using Certificates = std::vector<Certificate>;
    using Key = OpenSslHandle<EVP_PKEY, EVP_PKEY_free>;

    static Certificates read_certificates(const std::string& path, const ReadPem& read);
    static Key read_key(const std::string& path, const ReadPem& read);
    void trust(const std::string& ca_cert, const ReadPem& read);
    void show(const std::string& client_cert, const std::string& client_key, const ReadPem& read);

    const bool skip_verify_;
    const std::string client_cert_;  // its path, for messages
    OpenSslHandle<X509_STORE, X509_STORE_free> trusted_;
    Certificates chain_;  // our own certificate first; empty if we have none
    Key key_;
};

}  // namespace patroni
