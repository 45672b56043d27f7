#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

#include "fd.h"
#include "support/wait.h"

namespace support {

/// How the other side ended a connection.
enum class Closed { fin, reset };
std::ostream& operator<<(std::ostream& out, Closed how);

struct ClientOptions {
    Milliseconds timeout = default_timeout;  ///< of each single call
    int receive_buffer = 0;                  ///< SO_RCVBUF before connect; 0 is the system's own
};

/// A TCP client as a test wants it: every call blocks until it is done, or throws: TimedOut, or
/// std::runtime_error where the connection ended too early, each with what it had seen so far.
/// Owns its socket; move-only; one thread at a time.
class TestClient {
  public:
    /// `ip` is numeric, IPv4 or IPv6. Throws std::system_error with connect's errno.
    TestClient(const std::string& ip, std::uint16_t port, const ClientOptions& options = {});

    /// The client of a unix socket.
    static TestClient on_unix(const std::string& path, const ClientOptions& options = {});

    /// What connect() says, for ports that should not answer: 0, ECONNREFUSED, ETIMEDOUT, ...
    static int connect_error(const std::string& ip, std::uint16_t port,
                             Milliseconds timeout = default_timeout);

    void send(const std::string& bytes);
    /// Sends blanks until the other side has taken nothing for `quiet`, at most `limit` bytes;
    /// returns how many were sent. For back-pressure.
    std::size_t send_until_blocked(std::size_t limit, Milliseconds quiet = Milliseconds{100});

    std::string receive(std::size_t n);
    /// Without its "\n".
    std::string receive_line();
    /// Everything up to the other side's FIN; a RST throws.
    std::string receive_to_eof();

    /// Reads and drops what still comes, until the end.
    Closed wait_for_close();
    /// The same, but a RST throws.
    void wait_for_eof();
    /// Whether the connection has ended by now, even with bytes left to read. Never blocks.
    [[nodiscard]] std::optional<Closed> closed_now();

    void half_close();
    /// Closes with a RST.
    void reset();
    void close() { fd_.close(); }

    [[nodiscard]] std::uint16_t local_port() const;
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  private:
    TestClient(Fd fd, std::string peer, const ClientOptions& options)
        : fd_(std::move(fd)), peer_(std::move(peer)), options_(options) {}

    /// Appends what comes next to `buffered_`; false at the end, with `closed_` set.
    bool read_more(Clock::time_point deadline, const std::string& awaited);
    std::string take(std::size_t n);
    [[noreturn]] void fail_closed(const std::string& awaited) const;
    [[nodiscard]] Clock::time_point deadline() const { return Clock::now() + options_.timeout; }

    Fd fd_;
    std::string peer_;
    ClientOptions options_;
    std::string buffered_;
    std::optional<Closed> closed_;
};

}  // namespace support
