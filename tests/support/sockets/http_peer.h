#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fd.h"
#include "support/fakes/tls_server.h"
#include "support/wait.h"

namespace support {

/// What a client asked of a FakePatroni.
struct HttpRequest {
    std::string method;
    std::string path;  ///< as sent, with its query
    Clock::time_point time;
    std::vector<std::string> headers;  ///< "Name: value", in the order sent
    std::string server_name = {};      ///< over TLS: the name it asked for (SNI)
    std::string client_name = {};      ///< over TLS: the common name of its certificate
    std::string client_serial = {};    ///< over TLS: its serial number, in hexadecimal
};

/// The server's end of one HTTP/1.0 connection, for FakePatroni. One thread; owns the socket.
/// Nothing here waits beyond the moment `stop_fd` becomes readable or the client closes: then the
/// call returns false (or nothing).
class HttpPeer {
  public:
    /// Speaks TLS if there is a `tls`, which outlives this.
    HttpPeer(Fd fd, int stop_fd, const TlsServer* tls = nullptr);

    /// Before all else; true at once without TLS. False where the client was refused.
    bool handshake();
    /// One whose line is none of HTTP's has an empty method.
    std::optional<HttpRequest> read_request();

    bool send(const std::string& bytes);
    bool drip(const std::string& bytes, Milliseconds interval);
    /// Repeats `chunk` until `cap` bytes are sent.
    bool send_endlessly(const std::string& chunk, std::size_t cap);

    /// Lets `duration` pass.
    bool pause(Milliseconds duration);
    /// True once the client has closed, or half-closed, its end.
    [[nodiscard]] bool gone() const;

    /// Ends what we send and waits for the client's end, so that our close() is never a RST.
    void finish();
    void close() { fd_.close(); }
    void reset();

  private:
    bool wait(short events);
    /// What came next on the wire; empty at its end.
    std::string receive_wire();
    bool send_wire(const std::string& bytes);
    bool drip_wire(const std::string& bytes, Milliseconds interval);
    std::string receive();

    Fd fd_;
    int stop_fd_;
    const TlsServer* server_;
    std::unique_ptr<TlsSession> tls_;
};

}  // namespace support
