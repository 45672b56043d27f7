#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/socket/socket_address.h"

// The header of the PROXY protocol, versions 1 and 2, with which a connection says on whose behalf
// it was made. Source of every constant: HAProxy's doc/proxy-protocol.txt.
namespace proxy {

/// Longer headers are refused. Version 1 has 107 bytes at most; version 2 may carry extensions
/// (TLVs), such as a client's certificate, which are skipped.
inline constexpr std::size_t kMaxProxyHeader = 4'096;

/// What a connection begins with, as far as its bytes have come.
struct ProxyHeader {
    enum class Kind : std::uint8_t {
        incomplete,  ///< more bytes are needed to tell
        none,        ///< it begins with something else
        bad,         ///< it begins as a header and is none: `problem` says why
        local,       ///< the sender's own connection (a health check), or one it knows nothing of
        proxied,     ///< on behalf of `source`, which had connected to `destination`
    };
    Kind kind = Kind::incomplete;
    std::size_t size = 0;  ///< of the header, which comes before what the client said
    net::SocketAddress source{};
    net::SocketAddress destination{};
    std::string_view problem{};  ///< static text
};

/// Reads the beginning of a connection. PostgreSQL's clients begin with a length below 64 KiB or
/// with TLS, so that no client's first bytes are taken for a header. Pure.
[[nodiscard]] ProxyHeader read_proxy_header(std::string_view bytes);

/// Which header a backend gets.
enum class SendProxy : std::uint8_t { off, v1, v2 };

/// The header for a connection on behalf of `source`, which had connected to `destination`. Where
/// these are not two addresses of one family, as for a client of a unix socket, it names none.
/// Empty for `off`. Pure.
[[nodiscard]] std::string proxy_header(SendProxy version, const net::SocketAddress& source,
                                       const net::SocketAddress& destination);
/// The header for a connection of the proxy's own. Empty for `off`.
[[nodiscard]] std::string local_proxy_header(SendProxy version);

}  // namespace proxy
