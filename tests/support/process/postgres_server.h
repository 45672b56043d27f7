#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "child_process.h"
#include "output_reader.h"
#include "support/fakes/certificates.h"
#include "temp_dir.h"

namespace support {

/// A real PostgreSQL 15 with TLS, made anew: on an address of this process's own, so that no other
/// has its port, with its files in a directory that goes with it. Everybody may connect, as user
/// `postgres`. Tests that run as root run it as user postgres.
/// Owns the process. One thread at a time. Throws std::runtime_error or TimedOut.
class PostgresServer {
  public:
    /// Returns once it accepts sessions.
    PostgresServer();
    ~PostgresServer();
    PostgresServer(const PostgresServer&) = delete;
    PostgresServer& operator=(const PostgresServer&) = delete;

    [[nodiscard]] const std::string& ip() const noexcept { return ip_; }
    [[nodiscard]] static std::uint16_t port() noexcept { return 5432; }
    /// As `pg_ctl stop --mode=fast` does: sessions end with 57P01. Returns once it has ended.
    void stop_fast();

  private:
    TempDir directory_;
    std::string ip_;
    std::unique_ptr<ChildProcess> process_;
    std::unique_ptr<OutputReader> output_;
};

}  // namespace support
