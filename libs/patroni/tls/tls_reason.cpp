#include "patroni/tls/tls_reason.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstdio>
#include <ctime>
#include <netinet/in.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "patroni/tls/openssl_handle.h"

namespace patroni {
namespace {

constexpr int kNamesShown = 8;
constexpr std::size_t kLongestName = 255;
constexpr const char* kNoTlsVersion =
    "the server offers no TLS version that is allowed here: 1.2 or later";

std::string printable(std::string text) {
    text.resize(std::min(text.size(), kLongestName));
    for (char& c : text)
        if (c < ' ' || c > '~')
            c = '?';
    return text;
}

std::string name_of(const X509_NAME* name) {
    std::array<char, kLongestName + 1> text{};
    X509_NAME_oneline(name, text.data(), static_cast<int>(text.size()));
    return printable(text.data());
}

std::string time_of(const ASN1_TIME* time) {
    std::tm utc{};
    if (ASN1_TIME_to_tm(time, &utc) != 1)
        return "an unreadable time";
    std::array<char, 64> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &utc);
    return text.data();
}

std::string text_of(const ASN1_STRING* string) {
    return printable({reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                      static_cast<std::size_t>(ASN1_STRING_length(string))});
}

std::string host_of(const GENERAL_NAME* name) {
    if (name->type == GEN_DNS)
        return text_of(name->d.dNSName);
    if (name->type != GEN_IPADD)
        return {};
    const int size = ASN1_STRING_length(name->d.iPAddress);
    if (size != sizeof(in_addr) && size != sizeof(in6_addr))
        return {};
    const bool v6 = size == sizeof(in6_addr);
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(v6 ? AF_INET6 : AF_INET, ASN1_STRING_get0_data(name->d.iPAddress), text.data(),
                text.size());
    return text.data();
}

/// "pg1.example.com, 10.0.0.1"; the common name where there are no others.
std::string hosts_of(X509* certificate) {
    const OpenSslHandle<GENERAL_NAMES, GENERAL_NAMES_free> names(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    std::string text;
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const std::string name = host_of(sk_GENERAL_NAME_value(names.get(), i));
        if (i == kNamesShown)
            return text + ", ...";
        if (!name.empty())
            text += (text.empty() ? "" : ", ") + name;
    }
    return text.empty() ? name_of(X509_get_subject_name(certificate)) : text;
}

/// "the certificate", or which one of its chain.
std::string certificate_of(X509_STORE_CTX* verification, X509* certificate) {
    return X509_STORE_CTX_get_error_depth(verification) == 0
               ? "the certificate"
               : "the CA certificate " + name_of(X509_get_subject_name(certificate));
}

}  // namespace

std::string reason_of_verification(X509_STORE_CTX* verification, const std::string& host) {
    const int error = X509_STORE_CTX_get_error(verification);
    // What `man openssl-verification-options` and <openssl/x509_vfy.h> explain.
    std::string otherwise =
        "the certificate is not valid (OpenSSL's X509_V_ERR " + std::to_string(error) + ")";
    X509* certificate = X509_STORE_CTX_get_current_cert(verification);
    if (certificate == nullptr)
        return otherwise;
    switch (error) {
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return "the certificate is signed by an unknown CA: " +
                   name_of(X509_get_issuer_name(certificate));
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return certificate_of(verification, certificate) + " expired on " +
                   time_of(X509_get0_notAfter(certificate));
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return certificate_of(verification, certificate) + " is not valid before " +
                   time_of(X509_get0_notBefore(certificate));
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "the certificate is for " + hosts_of(certificate) + ", not for " + host;
        case X509_V_ERR_CERT_REVOKED:
            return certificate_of(verification, certificate) + " is revoked";
        case X509_V_ERR_INVALID_PURPOSE:
            return certificate_of(verification, certificate) + " is not meant for a server";
        case X509_V_ERR_EE_KEY_TOO_SMALL:
        case X509_V_ERR_CA_KEY_TOO_SMALL:
        case X509_V_ERR_CA_MD_TOO_WEAK:
            return certificate_of(verification, certificate) +
                   " has a key or a signature that is too weak";
        default:
            return otherwise;
    }
}

std::string reason_of_alert(int alert, ClientCertificate ours) {
    const std::string text = SSL_alert_desc_string_long(alert);
    switch (alert) {
        case SSL_AD_CERTIFICATE_REQUIRED:
            return "the server requires a client certificate";
        case SSL_AD_HANDSHAKE_FAILURE:  // how TLS 1.2 says that, among other things
            if (ours == ClientCertificate::missing)
                return "the server requires a client certificate";
            break;
        case SSL_AD_BAD_CERTIFICATE:
        case SSL_AD_UNSUPPORTED_CERTIFICATE:
        case SSL_AD_CERTIFICATE_REVOKED:
        case SSL_AD_CERTIFICATE_EXPIRED:
        case SSL_AD_CERTIFICATE_UNKNOWN:
        case SSL_AD_UNKNOWN_CA:
            if (ours == ClientCertificate::present)
                return "the server does not accept our client certificate: " + text;
            break;
        case SSL_AD_PROTOCOL_VERSION:
            return kNoTlsVersion;
        default:
            break;
    }
    return "the server refuses the TLS connection: " + text;
}

std::string reason_of_error(unsigned long error) {
    switch (ERR_GET_REASON(error)) {
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_HTTP_REQUEST:
        case SSL_R_HTTPS_PROXY_REQUEST:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
            return "the server does not speak TLS on this port: is it http://?";
        case SSL_R_UNSUPPORTED_PROTOCOL:
            return kNoTlsVersion;
        case SSL_R_UNEXPECTED_EOF_WHILE_READING:
            return "the server closed the connection during the TLS handshake";
        default: {
            std::array<char, 17> code{};  // as `openssl errstr` takes it
            std::snprintf(code.data(), code.size(), "%08lX", error);
            return std::string("the TLS handshake failed (OpenSSL error ") + code.data() + ")";
        }
    }
}

}  // namespace patroni
