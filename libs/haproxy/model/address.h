#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace haproxy {

/// An address of a `bind` or `server` line, as written.
struct Address {
    enum class Kind : std::uint8_t {
        ip,     ///< an address or a name, with ports
        path,   ///< a unix socket
        other,  ///< abns@, fd@, sockpair@, quic4@, ...
    };
    Kind kind = Kind::ip;
    std::string text;  ///< as it stands in the file
    /// Without brackets; empty: all addresses. Or the path.
    std::string host;
    bool ipv6 = false;  ///< all addresses, of IPv6 too
    std::optional<std::uint16_t> port;
    /// The last one of a range; equal to `port` where there is none.
    std::optional<std::uint16_t> last_port;
    int port_offset = 0;  ///< of a server (`+100`): added to the port that the client connected to

    friend bool operator==(const Address&, const Address&) = default;
};

/// The addresses of a `bind` line, separated by commas. An address that cannot be read has kind
/// `other`.
[[nodiscard]] std::vector<Address> parse_bind_addresses(std::string_view word);
/// The address of a `server` line.
[[nodiscard]] Address parse_server_address(std::string_view word);

}  // namespace haproxy
