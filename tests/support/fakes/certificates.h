#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "support/process/temp_dir.h"

struct evp_pkey_st;
struct x509_st;

namespace support {

/// Paths of PEM files.
struct CertificateFiles {
    std::string certificate;
    std::string key;
    std::string both;  ///< the two in one file
};

struct CertificateOptions {
    std::string name = "server";          ///< its common name, and how its files begin
    std::vector<std::string> hosts = {};  ///< addresses and DNS names it is for
    std::chrono::seconds begins{-3600};   ///< from now
    std::chrono::seconds ends{3600};      ///< from now; the past for one that has expired
    std::string passphrase = {};          ///< encrypts the key files
};

/// A certificate authority of one test's own: makes its key and certificate, and those it issues,
/// when it is asked, into a directory that must outlive the files' use. Owns its key.
/// One thread; throws std::runtime_error.
class CertificateAuthority {
  public:
    explicit CertificateAuthority(const TempDir& directory, const std::string& name = "ca",
                                  std::chrono::seconds ends = std::chrono::hours{1});
    ~CertificateAuthority();
    CertificateAuthority(const CertificateAuthority&) = delete;
    CertificateAuthority& operator=(const CertificateAuthority&) = delete;

    /// The path of its own certificate.
    [[nodiscard]] const std::string& certificate() const noexcept { return file_; }
    /// For servers and clients alike. The same name again replaces the files.
    [[nodiscard]] CertificateFiles issue(const CertificateOptions& options) const;

  private:
    const TempDir& directory_;
    evp_pkey_st* key_ = nullptr;
    x509_st* certificate_ = nullptr;
    std::string file_;
};

}  // namespace support
