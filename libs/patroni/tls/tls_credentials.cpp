#include "patroni/tls/tls_credentials.h"

#include <stdexcept>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

namespace patroni {
namespace {

using Text = OpenSslHandle<BIO, BIO_free_all>;

[[noreturn]] void fail(const std::string& path, const std::string& what) {
    ERR_clear_error();
    throw std::runtime_error(path + ": " + what);
}

/// Reads `text`, which outlives it.
Text reader_of(const std::string& text) {
    ERR_clear_error();
    return Text(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Nothing in a configuration could give the passphrase, and no terminal is there to ask.
int refuse_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

}  // namespace

TlsCredentialsPtr read_tls_credentials(const TlsSettings& settings, const ReadPem& read) {
    return std::make_shared<const TlsCredentials>(settings, read);
}

TlsCredentials::TlsCredentials(const TlsSettings& settings, const ReadPem& read)
    : skip_verify_(settings.skip_verify),
      client_cert_(settings.client_cert),
      trusted_(X509_STORE_new()) {
    trust(settings.ca_cert, read);
    if (!settings.client_cert.empty())
        show(settings.client_cert,
             settings.client_key.empty() ? settings.client_cert : settings.client_key, read);
    else if (!settings.client_key.empty())
        fail(settings.client_key, "a client key needs its client certificate");
    // What OpenSSL would not take later is to be known now.
    const OpenSslHandle<SSL_CTX, SSL_CTX_free> trial(SSL_CTX_new(TLS_client_method()));
    use_in(trial.get());
}

void TlsCredentials::trust(const std::string& ca_cert, const ReadPem& read) {
    if (ca_cert.empty()) {
        // 140 certificates and 25 ms, so not where nobody will look at them.
        if (!skip_verify_)
            X509_STORE_set_default_paths(trusted_.get());
        return;
    }
    for (const auto& certificate : read_certificates(ca_cert, read))
        X509_STORE_add_cert(trusted_.get(), certificate.get());
}

void TlsCredentials::show(const std::string& client_cert, const std::string& client_key,
                          const ReadPem& read) {
    chain_ = read_certificates(client_cert, read);
    key_ = read_key(client_key, read);
    if (X509_check_private_key(chain_.front().get(), key_.get()) != 1)
        fail(client_key, "it is not the key of the certificate in " + client_cert);
}

TlsCredentials::Certificates TlsCredentials::read_certificates(const std::string& path,
                                                               const ReadPem& read) {
    const std::string pem = read(path);
    const Text text = reader_of(pem);
    Certificates certificates;
    while (X509* certificate = PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr))
        certificates.emplace_back(certificate);
    // That is how the end of a good file shows too.
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (!at_end)
        fail(path, "a certificate in it is damaged");
    if (certificates.empty())
        fail(path, "it holds no certificate in PEM format");
    ERR_clear_error();
    return certificates;
}

TlsCredentials::Key TlsCredentials::read_key(const std::string& path, const ReadPem& read) {
    const std::string pem = read(path);
    const Text text = reader_of(pem);
    bool encrypted = false;
    Key key(PEM_read_bio_PrivateKey(text.get(), nullptr, refuse_passphrase, &encrypted));
    if (key)
        return key;
    if (encrypted)
        fail(path, "its private key needs a passphrase; only keys without one can be used");
    fail(path, "it holds no private key in PEM format, or a damaged one");
}

void TlsCredentials::use_in(SSL_CTX* context) const {
    ERR_clear_error();
    SSL_CTX_set1_cert_store(context, trusted_.get());
    if (chain_.empty())
        return;
    bool taken = SSL_CTX_use_certificate(context, chain_.front().get()) == 1 &&
                 SSL_CTX_use_PrivateKey(context, key_.get()) == 1;
    for (std::size_t i = 1; taken && i < chain_.size(); ++i)
        taken = SSL_CTX_add1_chain_cert(context, chain_[i].get()) == 1;
    if (!taken)
        fail(client_cert_, "its key or its signature is too weak for TLS");
}

}  // namespace patroni
