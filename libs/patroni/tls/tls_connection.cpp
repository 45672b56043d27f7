#include "patroni/tls/tls_connection.h"

#include <stdexcept>
#include <utility>

#include <Poco/Net/SecureStreamSocket.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace patroni {
namespace {

using Poco::Net::Context;

/// Where a TlsConnection is kept in its SSL_CTX.
int our_index() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

Context::Ptr make_context(bool verify) {
    Context::Params params;
    params.verificationMode = verify ? Context::VERIFY_STRICT : Context::VERIFY_NONE;
    params.cipherList = "DEFAULT";
    Context::Ptr context = new Context(Context::TLS_CLIENT_USE, params);
    SSL_CTX_set_min_proto_version(context->sslContext(), TLS1_2_VERSION);
    return context;
}

bool is_address(const std::string& host) {
    const OpenSslHandle<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> address(
        a2i_IPADDRESS(host.c_str()));
    return address != nullptr;
}

}  // namespace

TlsConnection::TlsConnection(const TlsCredentials& credentials, std::string host)
    : host_(std::move(host)), context_(make_context(credentials.verifies_servers())) {
    SSL_CTX* context = context_->sslContext();
    credentials.use_in(context);
    if (credentials.has_client_certificate())
        ours_ = ClientCertificate::present;
    SSL_CTX_set_ex_data(context, our_index(), this);
    SSL_CTX_set_info_callback(context, on_event);
    SSL_CTX_set_client_cert_cb(context, on_certificate_missing);
    if (credentials.verifies_servers())
        verify_strictly(context);
}

/// OpenSSL checks the name as part of the handshake, and nobody does afterwards: see secure().
void TlsConnection::verify_strictly(SSL_CTX* context) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, on_verified);
    X509_VERIFY_PARAM* wanted = SSL_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const bool set = is_address(host_)
                         ? X509_VERIFY_PARAM_set1_ip_asc(wanted, host_.c_str()) == 1
                         : X509_VERIFY_PARAM_set1_host(wanted, host_.c_str(), host_.size()) == 1;
    if (!set)
        throw std::runtime_error("no certificate can be for '" + host_ + "'");
}

Poco::Net::StreamSocket TlsConnection::secure(Poco::Net::StreamSocket socket) {
    using Poco::Net::SecureStreamSocket;
    ERR_clear_error();
    // Without blocking, attach() leaves the handshake to us. Its own would be over where a timeout
    // ended it half way, and would then ask for the address of a server that may have gone.
    socket.setBlocking(false);
    // The name goes out as SNI, where an address has no place.
    auto secured = is_address(host_) ? SecureStreamSocket::attach(socket, context_)
                                     : SecureStreamSocket::attach(socket, host_, context_);
    secured.setBlocking(true);
    if (secured.completeHandshake() != 1)
        throw std::runtime_error("the server closed the connection during the TLS handshake");
    return secured;
}

/// The first reason is the cause; what follows is its consequence.
void TlsConnection::refused(const std::string& reason) {
    if (refusal_.empty())
        refusal_ = reason;
}

TlsConnection& TlsConnection::of(const SSL* ssl) noexcept {
    return *static_cast<TlsConnection*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), our_index()));
}

int TlsConnection::on_verified(int ok, X509_STORE_CTX* verification) noexcept {
    if (ok != 1) {
        const auto* ssl = static_cast<const SSL*>(
            X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx()));
        auto& connection = of(ssl);
        connection.refused(reason_of_verification(verification, connection.host_));
    }
    return ok;
}

/// OpenSSL calls it where the server asks for a certificate and the context has none.
int TlsConnection::on_certificate_missing(SSL* ssl, X509** /*certificate*/,
                                          EVP_PKEY** /*key*/) noexcept {
    of(ssl).ours_ = ClientCertificate::missing;
    return 0;  // there is none
}

void TlsConnection::on_event(const SSL* ssl, int where, int value) noexcept {
    const bool fatal_alert = (where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && value >> 8 == 2;
    if (fatal_alert)
        of(ssl).refused(reason_of_alert(value & 0xff, of(ssl).ours_));
    else if (where == SSL_CB_CONNECT_EXIT && value <= 0 && ERR_peek_last_error() != 0)
        of(ssl).refused(reason_of_error(ERR_peek_last_error()));
}

}  // namespace patroni
