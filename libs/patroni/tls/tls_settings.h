#pragma once

#include <functional>
#include <memory>
#include <string>

namespace patroni {

/// How TLS to a REST API is configured: paths of PEM files, empty if not given.
struct TlsSettings {
    std::string ca_cert = {};      ///< CAs that may sign servers' certificates; empty: the system's
    std::string client_cert = {};  ///< sent to servers that ask for one; a chain may follow it
    std::string client_key = {};   ///< without a passphrase; empty: it is in client_cert's file
    bool skip_verify = false;      ///< accept any certificate: CA, validity and name do not matter

    friend bool operator==(const TlsSettings&, const TlsSettings&) = default;
};

/// The parsed content of those files. Immutable; clients on any thread share it.
class TlsCredentials;
using TlsCredentialsPtr = std::shared_ptr<const TlsCredentials>;

/// Returns a file's content. Throws std::runtime_error with its name and what is wrong with it.
using ReadPem = std::function<std::string(const std::string& path)>;

/// Reads the files once; a replaced file is seen by the next call only.
/// Throws std::runtime_error with the file's name and what is wrong with it.
[[nodiscard]] TlsCredentialsPtr read_tls_credentials(const TlsSettings& settings,
                                                     const ReadPem& read);

}  // namespace patroni
