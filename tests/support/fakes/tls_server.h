#pragma once

#include <memory>
#include <string>

#include "support/wait.h"

struct ssl_ctx_st;
struct ssl_st;

namespace support {

/// How a FakePatroni speaks TLS; the paths are those of PEM files.
struct TlsOptions {
    enum class Handshake {
        normal,
        stall,  ///< the client's hello is not even read
        drip,   ///< our side of it goes out one byte each `drip_interval`
    };

    std::string certificate;
    std::string key;
    std::string client_ca = {};  ///< who signs clients' certificates
    bool verify_client = false;  ///< refuse clients without a certificate of `client_ca`
    bool only_tls_1_2 = false;   ///< refusals show at other moments there than in 1.3
    bool only_tls_1_1 = false;   ///< as very old servers do
    bool close_notify = true;    ///< false: end like a connection that broke off
    Handshake handshake = Handshake::normal;
    Milliseconds drip_interval{10};
};

/// The server's side of one TLS connection, without its socket: bytes of the wire go in with
/// feed() and come out of take_output(), and nothing here waits. One thread.
class TlsSession {
  public:
    explicit TlsSession(ssl_ctx_st* context);
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    /// False where the client was refused or has said that it leaves: take_output() may hold the
    /// alert for it.
    bool feed(const std::string& wire);
    std::string take_output();
    [[nodiscard]] bool established() const;

    std::string read();  ///< what the client said, decrypted; empty if there is nothing yet
    void write(const std::string& plain);
    void close();  ///< close_notify

    [[nodiscard]] std::string server_name() const;    ///< as the client asked for (SNI)
    [[nodiscard]] std::string client_name() const;    ///< the common name it proved to be
    [[nodiscard]] std::string client_serial() const;  ///< of that certificate, in hexadecimal

  private:
    ssl_st* ssl_;
};

/// What the connections of one server share. Any thread. Throws std::runtime_error for files that
/// OpenSSL does not take.
class TlsServer {
  public:
    explicit TlsServer(const TlsOptions& options);
    ~TlsServer();
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;

    [[nodiscard]] const TlsOptions& options() const noexcept { return options_; }
    [[nodiscard]] std::unique_ptr<TlsSession> accept() const;

  private:
    const TlsOptions options_;
    ssl_ctx_st* context_;
};

}  // namespace support
