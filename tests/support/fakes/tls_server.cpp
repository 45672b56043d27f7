#include "tls_server.h"

#include <array>

#include <openssl/ssl.h>

#include "openssl_check.h"

namespace support {

namespace {

std::string hexadecimal(const ASN1_INTEGER& number) {
    std::string text;
    for (int i = 0; i < ASN1_STRING_length(&number); ++i) {
        constexpr char digits[] = "0123456789abcdef";
        const unsigned byte = ASN1_STRING_get0_data(&number)[i];
        (text += digits[byte >> 4U]) += digits[byte & 0xFU];
    }
    return text;
}

}  // namespace

TlsSession::TlsSession(ssl_ctx_st* context) : ssl_(SSL_new(context)) {
    check(ssl_ != nullptr, "SSL_new");
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(ssl_);
}

TlsSession::~TlsSession() {
    SSL_free(ssl_);
}

bool TlsSession::feed(const std::string& wire) {
    BIO_write(SSL_get_rbio(ssl_), wire.data(), static_cast<int>(wire.size()));
    if (established())
        return true;
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_);
    return result == 1 || SSL_get_error(ssl_, result) == SSL_ERROR_WANT_READ;
}

std::string TlsSession::take_output() {
    std::string wire(BIO_ctrl_pending(SSL_get_wbio(ssl_)), '\0');
    if (!wire.empty())
        BIO_read(SSL_get_wbio(ssl_), wire.data(), static_cast<int>(wire.size()));
    return wire;
}

bool TlsSession::established() const {
    return SSL_is_init_finished(ssl_) == 1;
}

std::string TlsSession::read() {
    std::array<char, 16 * 1024> plain{};
    ERR_clear_error();
    const int n = SSL_read(ssl_, plain.data(), plain.size());
    return n > 0 ? std::string(plain.data(), static_cast<std::size_t>(n)) : std::string{};
}

void TlsSession::write(const std::string& plain) {
    if (!plain.empty())
        SSL_write(ssl_, plain.data(), static_cast<int>(plain.size()));
}

void TlsSession::close() {
    ERR_clear_error();
    SSL_shutdown(ssl_);
}

std::string TlsSession::server_name() const {
    const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
    return name != nullptr ? name : "";
}

std::string TlsSession::client_name() const {
    X509* certificate = SSL_get0_peer_certificate(ssl_);
    if (certificate == nullptr)
        return {};
    std::array<char, 256> text{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text.data(),
                              static_cast<int>(text.size()));
    return text.data();
}

std::string TlsSession::client_serial() const {
    const X509* certificate = SSL_get0_peer_certificate(ssl_);
    return certificate == nullptr ? "" : hexadecimal(*X509_get0_serialNumber(certificate));
}

TlsServer::TlsServer(const TlsOptions& options)
    : options_(options), context_(SSL_CTX_new(TLS_server_method())) {
    check(SSL_CTX_use_certificate_chain_file(context_, options.certificate.c_str()) == 1,
          options.certificate);
    check(SSL_CTX_use_PrivateKey_file(context_, options.key.c_str(), SSL_FILETYPE_PEM) == 1,
          options.key);
    if (!options.client_ca.empty())
        check(SSL_CTX_load_verify_file(context_, options.client_ca.c_str()) == 1,
              options.client_ca);
    if (options.verify_client)
        SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    if (options.only_tls_1_2)
        SSL_CTX_set_max_proto_version(context_, TLS1_2_VERSION);
    if (options.only_tls_1_1) {
        SSL_CTX_set_security_level(context_, 0);
        SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
        SSL_CTX_set_max_proto_version(context_, TLS1_1_VERSION);
    }
}

TlsServer::~TlsServer() {
    SSL_CTX_free(context_);
}

std::unique_ptr<TlsSession> TlsServer::accept() const {
    return std::make_unique<TlsSession>(context_);
}

}  // namespace support
