#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

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

/// What TLS's close_notify takes with the ciphers in use: 24 bytes in TLS 1.3, where it looks like
/// data; in TLS 1.2, 31 with AES-GCM and 23 with ChaCha20. A server sends it when its client says
/// goodbye, or before it ends by itself. An ErrorResponse is longer.
inline constexpr std::array<std::size_t, 3> kCloseNotifySizes{24, 31, 23};
inline constexpr std::size_t kLongestCloseNotify = 31;

/// Whether a read from the client may be a close_notify and nothing else. A client sends it also
/// after the server has ended the session, so nobody can expect the server to answer it. A
/// Terminate under TLS is three bytes longer.
[[nodiscard]] constexpr bool is_close_notify(std::size_t size) noexcept {
    return std::ranges::find(kCloseNotifySizes, size) != kCloseNotifySizes.end();
}

/// Whether the last record of a read from the backend may be a close_notify: RFC 8446, 5.1. Data of
/// two bytes looks the same in TLS 1.3. Inline, since it sees every read.
[[nodiscard]] constexpr bool ends_with_close_notify(std::span<const std::byte> bytes) noexcept {
    constexpr std::size_t kHeader = 5;  // the type, the version, the length of what follows
    constexpr std::byte kAlert{21};
    constexpr std::byte kData{23};
    return std::ranges::any_of(kCloseNotifySizes, [&](std::size_t size) {
        if (bytes.size() < size)
            return false;
        const auto record = bytes.last(size);
        return (record[0] == kAlert || record[0] == kData) && record[1] == std::byte{3} &&
               record[3] == std::byte{0} && record[4] == static_cast<std::byte>(size - kHeader);
    });
}

}  // namespace net
