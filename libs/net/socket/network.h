#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/socket/socket_address.h"

namespace net {

/// A block of IP addresses, as rules about clients name them: "10.0.0.0/8", "fd00::/8"; without a
/// prefix the one address. A value, for any thread.
/// IPv4 and IPv6 are apart: "::/0" holds no IPv4 address, also not one that came in as IPv6.
class Network {
  public:
    /// Nothing if it is anything else; then `*reason` says why, to follow the text in a message:
    /// "has bits beyond its prefix; the network is 10.0.0.0/8".
    static std::optional<Network> parse(std::string_view text, std::string* reason = nullptr);

    /// The port does not matter. An unset address, a unix socket's client, is in no network.
    [[nodiscard]] bool contains(const SocketAddress& address) const noexcept;
    /// "10.0.0.0/8"; one address goes without its prefix.
    [[nodiscard]] std::string to_string() const;

    friend bool operator==(const Network& a, const Network& b) noexcept = default;

  private:
    Network(const SocketAddress& first, unsigned prefix) noexcept
        : first_(first), prefix_(prefix) {}

    SocketAddress first_;  // its lowest address, with port 0
    unsigned prefix_;
};

}  // namespace net
