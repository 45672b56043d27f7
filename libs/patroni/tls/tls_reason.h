#pragma once

#include <cstdint>
#include <string>

#include <openssl/x509.h>

namespace patroni {

// Why a TLS handshake failed, in words for a log line. Pure. Nothing here quotes what a peer that
// proved nothing has sent, but for the issuer it names, escaped and cut.

/// A certificate that X509_STORE_CTX found wrong while the server `host` was verified.
[[nodiscard]] std::string reason_of_verification(X509_STORE_CTX* verification,
                                                 const std::string& host);

/// What we had to show when the server sent a fatal alert.
enum class ClientCertificate : std::uint8_t {
    none,     ///< and the server has not asked for one
    missing,  ///< the server has asked for one
    present,
};
[[nodiscard]] std::string reason_of_alert(int alert, ClientCertificate ours);

/// A code of OpenSSL's error queue that ended a handshake.
[[nodiscard]] std::string reason_of_error(unsigned long error);

}  // namespace patroni
