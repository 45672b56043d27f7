#pragma once

#include <cstdint>
#include <string>

#include <openssl/x509.h>

namespace patroni {

// Why a TLS handshake failed, in words for a log line. Pure. Of what an unproven peer has sent
// only the issuer's and the certificate's names are quoted, escaped and cut.

/// What is wrong with a certificate, while the server `host` is verified.
[[nodiscard]] std::string reason_of_verification(X509_STORE_CTX* verification,
                                                 const std::string& host);

/// Which client certificate we had when the server sent a fatal alert.
enum class ClientCertificate : std::uint8_t {
    none,     ///< none, and the server did not ask for one
    missing,  ///< none, though the server asked for one
    present,
};
[[nodiscard]] std::string reason_of_alert(int alert, ClientCertificate ours);

/// An error of OpenSSL's queue that ended a handshake.
[[nodiscard]] std::string reason_of_error(unsigned long error);

}  // namespace patroni
