#include "certificates.h"

#include <arpa/inet.h>
#include <cstdint>
#include <ctime>
#include <memory>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "openssl_check.h"

namespace support {

namespace {

using Bio = std::unique_ptr<BIO, int (*)(BIO*)>;
using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
using Certificate = std::unique_ptr<X509, void (*)(X509*)>;

Bio memory() {
    return {BIO_new(BIO_s_mem()), BIO_free};
}

std::string text_of(const Bio& bio) {
    char* data = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(length)};
}

std::string pem_of(X509* certificate) {
    const Bio bio = memory();
    check(PEM_write_bio_X509(bio.get(), certificate) == 1, "PEM of a certificate");
    return text_of(bio);
}

std::string pem_of(EVP_PKEY* key, const std::string& passphrase) {
    const Bio bio = memory();
    const auto* secret = reinterpret_cast<const unsigned char*>(passphrase.data());
    check(PEM_write_bio_PrivateKey(bio.get(), key, passphrase.empty() ? nullptr : EVP_aes_128_cbc(),
                                   secret, static_cast<int>(passphrase.size()), nullptr,
                                   nullptr) == 1,
          "PEM of a key");
    return text_of(bio);
}

Key make_key() {
    Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    check(key != nullptr, "make a key");
    return key;
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    check(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, value);
    X509_EXTENSION_free(extension);
}

bool is_address(const std::string& host) {
    in6_addr ignored{};
    return ::inet_pton(AF_INET, host.c_str(), &ignored) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

std::string alternative_names(const std::vector<std::string>& hosts) {
    std::string text;
    for (const auto& host : hosts)
        text += (text.empty() ? "" : ",") + std::string(is_address(host) ? "IP:" : "DNS:") + host;
    return text;
}

/// Without extensions and not signed yet.
Certificate make_certificate(EVP_PKEY* key, const CertificateOptions& options) {
    Certificate made(X509_new(), X509_free);
    X509* certificate = made.get();
    std::uint32_t serial = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), options.begins.count());
    X509_gmtime_adj(X509_getm_notAfter(certificate), options.ends.count());
    const auto* name = reinterpret_cast<const unsigned char*>(options.name.c_str());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, name, -1,
                               -1, 0);
    check(X509_set_pubkey(certificate, key) == 1, "set the public key");
    return made;
}

void sign(X509* certificate, X509* issuer, EVP_PKEY* issuer_key) {
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    check(X509_sign(certificate, issuer_key, EVP_sha256()) > 0, "sign a certificate");
}

}  // namespace

CertificateAuthority::CertificateAuthority(const TempDir& directory, const std::string& name,
                                           std::chrono::seconds ends)
    : directory_(directory) {
    Key key = make_key();
    Certificate certificate = make_certificate(key.get(), {.name = name, .ends = ends});
    add_extension(certificate.get(), certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
    sign(certificate.get(), certificate.get(), key.get());
    file_ = directory_.write(name + ".pem", pem_of(certificate.get()));
    key_ = key.release();
    certificate_ = certificate.release();
}

CertificateAuthority::~CertificateAuthority() {
    X509_free(certificate_);
    EVP_PKEY_free(key_);
}

CertificateFiles CertificateAuthority::issue(const CertificateOptions& options) const {
    const Key key = make_key();
    const Certificate certificate = make_certificate(key.get(), options);
    if (!options.hosts.empty())
        add_extension(certificate.get(), certificate_, NID_subject_alt_name,
                      alternative_names(options.hosts));
    sign(certificate.get(), certificate_, key_);
    const std::string certificate_pem = pem_of(certificate.get());
    const std::string key_pem = pem_of(key.get(), options.passphrase);
    return {.certificate = directory_.write(options.name + ".crt", certificate_pem),
            .key = directory_.write(options.name + ".key", key_pem),
            .both = directory_.write(options.name + ".both", certificate_pem + key_pem)};
}

}  // namespace support
