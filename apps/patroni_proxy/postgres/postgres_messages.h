#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace proxy {

/// The part of PostgreSQL's protocol 3 that the proxy reads and writes: the messages with which a
/// connection begins (PostgreSQL documentation, "Message Formats"). All of it is pure.

/// What a client's first bytes ask for.
enum class Request : std::uint8_t {
    incomplete,  ///< more bytes are needed
    ssl,         ///< SSLRequest: the server answers with a byte, and the next request follows
    gss,         ///< GSSENCRequest: the same
    cancel,      ///< CancelRequest: 16 bytes, or more with the longer key of protocol 3.2
    startup,     ///< StartupMessage
    other,       ///< not PostgreSQL, or TLS from the first byte on
};

/// The longest startup packet that PostgreSQL accepts: 10,000 bytes after the length field.
inline constexpr std::size_t kMaxRequest = 10'004;
/// Of each request: its length and its code, or protocol version, in four bytes each.
inline constexpr std::size_t kRequestHead = 8;
/// Where PostgreSQL cuts names: NAMEDATALEN - 1.
inline constexpr std::size_t kLongestName = 63;
/// Four bytes in network byte order.
[[nodiscard]] std::string length_field(std::size_t value);
/// With a key of 256 bytes, the longest that protocol 3.2 allows.
inline constexpr std::size_t kMaxCancelRequest = 268;

struct RequestHead {
    Request kind = Request::incomplete;
    std::size_t size = 0;  ///< of the whole message; 0 if it is incomplete or no request
};
/// A request that has not arrived completely is `incomplete`.
[[nodiscard]] RequestHead read_request(std::string_view bytes);

/// The parameters of a StartupMessage in their order, names and values, as views of `packet`: user,
/// database, application_name and others. Ends at what is malformed.
[[nodiscard]] std::vector<std::pair<std::string_view, std::string_view>> read_startup_parameters(
    std::string_view packet);

/// The first byte of a client that speaks TLS at once, without SSLRequest: a handshake's record.
inline constexpr char kTlsHandshake = '\x16';

/// The server's "no" to SSLRequest and GSSENCRequest: the client goes on in clear text.
inline constexpr char kNoEncryption = 'N';

/// The beginning of a server's answer to a startup packet.
struct Answer {
    bool is_error = false;
    bool incomplete = false;  ///< it is or may be an error, and has not arrived completely
    std::string sqlstate{};
    std::string message{};
};
/// Reads those fields of an error that have arrived completely.
[[nodiscard]] Answer read_answer(std::string_view bytes);

/// Shutting down, starting up, or not consistent yet: connections are not accepted.
inline constexpr std::string_view kCannotConnectNow = "57P03";
/// PostgreSQL's "sorry, too many clients already".
inline constexpr std::string_view kTooManyConnections = "53300";

/// Whether the server refuses the session only because it is starting or stopping: with the code
/// above, or because it was shut down meanwhile (57P01, 57P02).
[[nodiscard]] bool is_not_ready(const Answer& answer);

/// SQLSTATE of a session that an administrator has ended.
inline constexpr std::string_view kAdminShutdown = "57P01";

/// Terminate: a client's last message, upon which the server ends the session.
inline constexpr std::string_view kTerminate{"X\0\0\0\4", 5};

/// An ErrorResponse of severity FATAL with `sqlstate`: the last message to a client.
[[nodiscard]] std::string fatal_error(std::string_view sqlstate, std::string_view message);

/// A startup packet that makes a server say whether it accepts connections, as pg_isready sends it.
/// The caller closes the connection at the first byte of the answer.
[[nodiscard]] std::string readiness_question();

}  // namespace proxy
