#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

// Which side ended a relay. Pure.
namespace net {

/// Which side ended a relay, as seen from between the two. Whatever the other side does afterwards,
/// even a reset, is an echo of that.
enum class RelayEnd : std::uint8_t {
    client_closed,     ///< it sent FIN, or a message that made the backend end
    backend_closed,    ///< it sent FIN
    client_failed,     ///< its connection broke: a reset, or an error of the network
    backend_failed,    ///< its connection broke
    out_of_resources,  ///< the kernel would not watch a descriptor
};

/// How one side ended, as its last read says.
enum class SideEnd : std::uint8_t {
    none,
    closed,  ///< FIN
    broke,   ///< a reset, or an error of the network
};

/// What is known while the relay has passed no end on to either side.
struct Ends {
    SideEnd client = SideEnd::none;
    SideEnd backend = SideEnd::none;
    bool answered = false;  ///< the backend sent something after the client's last bytes
    bool waited = false;    ///< the other side had time to end by itself
};
/// Which side ended the relay, or nothing while that is not clear.
///
/// Under TLS a goodbye cannot be read, but it can be recognised: the backend's only answer to it is
/// to end, before it can see the client's end, and the client ends without having seen the
/// backend's. A backend that ends for a reason of its own sends a message first, or its client
/// stays.
[[nodiscard]] std::optional<RelayEnd> who_ended(const Ends& ends);

/// The longest close_notify of the ciphers in use, which a server sends when its client says
/// goodbye. An ErrorResponse is longer.
inline constexpr std::size_t kLongestCloseNotify = 31;

/// Whether a read from the client may be a close_notify and nothing else: with AES-GCM it has 24
/// bytes in TLS 1.3 and 31 in TLS 1.2, with ChaCha20 in TLS 1.2 it has 23. A client sends it also
/// after the server has ended the session, so nobody can expect the server to answer it. A
/// Terminate under TLS is three bytes longer.
[[nodiscard]] constexpr bool is_close_notify(std::size_t size) noexcept {
    return size == 24 || size == kLongestCloseNotify || size == 23;
}

}  // namespace net
