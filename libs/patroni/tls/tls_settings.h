#pragma once

#include <functional>
#include <memory>
#include <string>

namespace patroni {

/// How a REST API is asked over TLS, as it is configured: paths of PEM files, empty if not given.
struct TlsSettings {
    std::string ca_cert = {};      ///< who may sign a server's certificate; else the system's CAs
    std::string client_cert = {};  ///< shown to servers that ask; a chain may follow it
    std::string client_key = {};   ///< without a passphrase; else it is in client_cert's file
    bool skip_verify = false;      ///< any certificate will do: CA, time and name are not looked at

    friend bool operator==(const TlsSettings&, const TlsSettings&) = default;
};

/// What those files held when they were read. Immutable; shared by clients of any thread.
class TlsCredentials;
using TlsCredentialsPtr = std::shared_ptr<const TlsCredentials>;

/// Gives what is in a file, or throws std::runtime_error that names it and what is wrong with it.
using ReadPem = std::function<std::string(const std::string& path)>;

/// Reads the files, once: a file that is replaced counts from the next call on.
/// Throws std::runtime_error that names the file and what is wrong with it.
[[nodiscard]] TlsCredentialsPtr read_tls_credentials(const TlsSettings& settings,
                                                     const ReadPem& read);

}  // namespace patroni
