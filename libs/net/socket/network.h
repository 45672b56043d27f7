#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/socket/socket_address.h"

namespace net {

/// A block of IP addresses: "10.0.0.0/8", "fd00::/8", or one address without a prefix. A value, for
/// any thread. IPv4 and IPv6 are separate: "::/0" contains no IPv4 address, not even one that came
/// in as IPv6.
class Network {
  public:
    /// Nothing for anything else; then `*reason` says why, to follow the text in a message:
    /// "has bits beyond its prefix; the network is 10.0.0.0/8".
    static std::optional<Network> parse(std::string_view text, std::string* reason = nullptr);

    /// Ignores the port. An unset address (the client of a unix socket) is in no network.
    [[nodiscard]] bool contains(const SocketAddress& address) const noexcept;
    /// "10.0.0.0/8"; a single address has no prefix.
    [[nodiscard]] std::string to_string() const;

    friend bool operator==(const Network& a, const Network& b) noexcept = default;

  private:
    Network(const SocketAddress& first, unsigned prefix) noexcept
        : first_(first), prefix_(prefix) {}

    SocketAddress first_;  // its lowest address, with port 0
    unsigned prefix_;
};

}  // namespace net
