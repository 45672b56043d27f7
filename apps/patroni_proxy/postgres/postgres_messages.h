#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace proxy {

/// What little the proxy reads and writes of PostgreSQL's protocol 3: the messages by which a
/// connection begins (PostgreSQL documentation, "Message Formats"). All of it is pure.

/// What the first bytes of a client ask for.
enum class Request : std::uint8_t {
    incomplete,  ///< more bytes are needed
    ssl,         ///< SSLRequest: the server answers with a byte, and the next request follows
    gss,         ///< GSSENCRequest: the same
    cancel,      ///< CancelRequest: 16 bytes, or more with the longer key of protocol 3.2
    startup,     ///< StartupMessage
    other,       ///< not PostgreSQL, or TLS from the first byte on
};

/// The longest startup packet that PostgreSQL takes: 10,000 bytes behind its length.
inline constexpr std::size_t kMaxRequest = 10'004;
/// With a key of 256 bytes, which is as long as protocol 3.2 allows.
inline constexpr std::size_t kMaxCancelRequest = 268;

struct RequestHead {
    Request kind = Request::incomplete;
    std::size_t size = 0;  ///< of the whole message, which `bytes` may exceed; 0 if incomplete
};
/// A request of which not all has come is `incomplete`.
[[nodiscard]] RequestHead read_request(std::string_view bytes);

/// The server's "no" to SSLRequest and GSSENCRequest: the client goes on in clear text.
inline constexpr char kNoEncryption = 'N';

/// What the beginning of a server's answer to a startup packet says.
struct Answer {
    bool is_error = false;
    bool incomplete = false;  ///< it is, or may become, an error of which not all has come
    std::string sqlstate{};
    std::string message{};
};
/// Of an error, the fields that have come as a whole.
[[nodiscard]] Answer read_answer(std::string_view bytes);

/// Shutting down, starting up, or not consistent yet: connections are not accepted.
inline constexpr std::string_view kCannotConnectNow = "57P03";

/// Whether it refuses the session only because the server comes or goes: by the above, or because
/// it was told to end in the middle (57P01, 57P02).
[[nodiscard]] bool is_not_ready(const Answer& answer);

/// An ErrorResponse of severity FATAL with `sqlstate`, for a client that waits for the answer to
/// its startup packet.
[[nodiscard]] std::string fatal_error(std::string_view sqlstate, std::string_view message);

/// A startup packet that makes a server say whether it accepts connections, as pg_isready does: it
/// asks for no more than that, so whoever sends it closes at the first byte of the answer.
[[nodiscard]] std::string readiness_question();

}  // namespace proxy
