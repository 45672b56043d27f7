#include "net/socket/network.h"

#include <charconv>
#include <cstdint>
#include <span>
#include <utility>

namespace net {
namespace {

/// In network byte order, so that a prefix is their beginning. Empty if unset.
std::span<const std::uint8_t> bytes_of(const SocketAddress& address) noexcept {
    if (address.family() == AF_INET6)
        return reinterpret_cast<const sockaddr_in6*>(address.data())->sin6_addr.s6_addr;
    if (address.family() != AF_INET)
        return {};
    const auto& v4 = reinterpret_cast<const sockaddr_in*>(address.data())->sin_addr;
    return {reinterpret_cast<const std::uint8_t*>(&v4), sizeof v4};
}

unsigned bits_of(const SocketAddress& address) noexcept {
    return static_cast<unsigned>(bytes_of(address).size()) * 8;
}

/// `address` with nothing but zeros behind its first `prefix` bits; port 0.
SocketAddress masked(const SocketAddress& address, unsigned prefix) noexcept {
    const auto keep = [prefix](std::span<std::uint8_t> bytes) {
        for (unsigned bit = prefix; bit < bytes.size() * 8; ++bit)
            bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
    };
    if (address.family() == AF_INET6) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_addr = reinterpret_cast<const sockaddr_in6*>(address.data())->sin6_addr;
        keep(v6.sin6_addr.s6_addr);
        return SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
    }
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr = reinterpret_cast<const sockaddr_in*>(address.data())->sin_addr;
    keep({reinterpret_cast<std::uint8_t*>(&v4.sin_addr), sizeof v4.sin_addr});
    return SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
}

std::optional<unsigned> parse_prefix(std::string_view text, unsigned bits) {
    unsigned prefix = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), prefix);
    if (error != std::errc{} || end != text.data() + text.size() || prefix > bits)
        return std::nullopt;
    return prefix;
}

}  // namespace

std::optional<Network> Network::parse(std::string_view text, std::string* reason) {
    const auto refuse = [reason](std::string why) {
        if (reason)
            *reason = std::move(why);
        return std::nullopt;
    };
    const auto slash = text.find('/');
    const auto ip = text.substr(0, slash);
    const auto address = SocketAddress::from_ip(ip, 0);
    if (!address || ip.front() == '[')
        return refuse("is not an IP address or network; write 10.0.0.0/8, 192.168.1.7 or fd00::/8");
    // Its prefix would include the 96 bits in front, and no peer ever shows in this form.
    if (address->family() == AF_INET && ip.find(':') != std::string_view::npos)
        return refuse("is IPv4 written as IPv6; write " + address->ip());
    const unsigned bits = bits_of(*address);
    if (slash == std::string_view::npos)
        return Network(*address, bits);
    const auto prefix = parse_prefix(text.substr(slash + 1), bits);
    if (!prefix)
        return refuse("needs a prefix of 0 to " + std::to_string(bits) + " bits");
    const Network network(masked(*address, *prefix), *prefix);
    if (network.first_ != *address)
        return refuse("has bits beyond its prefix; the network is " + network.to_string());
    return network;
}

bool Network::contains(const SocketAddress& address) const noexcept {
    const auto theirs = bytes_of(address);
    const auto ours = bytes_of(first_);
    if (address.family() != first_.family())
        return false;
    const unsigned whole = prefix_ / 8;
    for (unsigned i = 0; i < whole; ++i)
        if (theirs[i] != ours[i])
            return false;
    const unsigned rest = prefix_ % 8;
    return rest == 0 || ((theirs[whole] ^ ours[whole]) >> (8 - rest)) == 0;
}

std::string Network::to_string() const {
    const bool one_address = prefix_ == bits_of(first_);
    return first_.ip() + (one_address ? "" : "/" + std::to_string(prefix_));
}

}  // namespace net
