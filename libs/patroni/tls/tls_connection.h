#pragma once

#include <string>

#include <Poco/Net/Context.h>
#include <Poco/Net/StreamSocket.h>

#include "patroni/tls/tls_credentials.h"
#include "patroni/tls/tls_reason.h"

namespace patroni {

/// TLS on one connection to one host: requires a certificate for the name or address in the URL,
/// and remembers in words why TLS failed. One thread; outlives the socket it makes.
///
/// The reasons come from OpenSSL's callbacks, not from POCO's exceptions: those often name an old
/// errno, or nothing.
class TlsConnection {
  public:
    TlsConnection(const TlsCredentials& credentials, std::string host);
    TlsConnection(const TlsConnection&) = delete;
    TlsConnection& operator=(const TlsConnection&) = delete;

    /// The whole handshake on a connected socket, which the new one takes over and closes. Throws
    /// Poco::Exception or std::runtime_error.
    Poco::Net::StreamSocket secure(Poco::Net::StreamSocket socket);

    /// Why TLS failed, in or after the handshake; empty if it did not, or the reason is unknown.
    [[nodiscard]] const std::string& refusal() const noexcept { return refusal_; }

  private:
    static TlsConnection& of(const SSL* ssl) noexcept;
    static int on_verified(int ok, X509_STORE_CTX* verification) noexcept;
    static int on_certificate_missing(SSL* ssl, X509** certificate, EVP_PKEY** key) noexcept;
    static void on_event(const SSL* ssl, int where, int value) noexcept;

    void verify_strictly(SSL_CTX* context);
    void refused(const std::string& reason);

    const std::string host_;
    ClientCertificate ours_ = ClientCertificate::none;
    std::string refusal_;
    Poco::Net::Context::Ptr context_;
};

}  // namespace patroni
