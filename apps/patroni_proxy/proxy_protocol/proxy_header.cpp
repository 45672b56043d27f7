#include "patroni_proxy/proxy_protocol/proxy_header.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

namespace proxy {
namespace {

using Kind = ProxyHeader::Kind;
using net::SocketAddress;
using std::string_view_literals::operator""sv;

constexpr std::string_view kV1Begin = "PROXY "sv;
constexpr std::size_t kV1Max = 107;  // with the line's end
constexpr std::string_view kV2Begin = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t kV2Fixed = 16;  // signature, version and command, family, length

// The byte behind the signature: version 2 and the command.
constexpr unsigned char kV2Local = 0x20;
constexpr unsigned char kV2Proxy = 0x21;
// Family and protocol: addresses of IPv4 or IPv6 over TCP.
constexpr unsigned char kV2Tcp4 = 0x11;
constexpr unsigned char kV2Tcp6 = 0x21;
constexpr std::size_t kAddresses4 = 12;
constexpr std::size_t kAddresses6 = 36;

ProxyHeader bad(std::string_view problem) {
    return {.kind = Kind::bad, .problem = problem};
}

bool begins_alike(std::string_view bytes, std::string_view beginning) {
    const std::size_t size = std::min(bytes.size(), beginning.size());
    return bytes.substr(0, size) == beginning.substr(0, size);
}

unsigned char byte_at(std::string_view bytes, std::size_t index) {
    return static_cast<unsigned char>(bytes[index]);
}

std::uint16_t two_bytes(std::string_view bytes, std::size_t index) {
    return static_cast<std::uint16_t>(byte_at(bytes, index) << 8U | byte_at(bytes, index + 1));
}

// Version 1: a line of words.

std::optional<std::uint16_t> port_of(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    const bool good = error == std::errc() && end == text.data() + text.size() &&
                      (text.size() == 1 || text.front() != '0');
    return good ? std::optional(port) : std::nullopt;
}

std::optional<SocketAddress> address_of(std::string_view ip, std::string_view port, bool v6) {
    const auto number = port_of(port);
    const bool looks_v6 = ip.find(':') != std::string_view::npos;
    if (!number || looks_v6 != v6 || ip.starts_with('['))
        return std::nullopt;
    return SocketAddress::from_ip(ip, *number);
}

ProxyHeader read_v1(std::string_view bytes) {
    const std::size_t end = bytes.substr(0, kV1Max).find("\r\n");
    if (end == std::string_view::npos)
        return bytes.size() < kV1Max ? ProxyHeader{}
                                     : bad("the line of version 1 does not end within 107 bytes");
    const std::size_t size = end + 2;
    std::string_view rest = bytes.substr(kV1Begin.size(), end - kV1Begin.size());
    if (rest == "UNKNOWN" || rest.starts_with("UNKNOWN "))
        return {.kind = Kind::local, .size = size};
    std::array<std::string_view, 5> words;
    for (std::size_t index = 0; index < words.size(); ++index) {
        const std::size_t space = rest.find(' ');
        if ((space == std::string_view::npos) != (index + 1 == words.size()))
            return bad("the line of version 1 does not have five words behind PROXY");
        words[index] = rest.substr(0, space);
        rest.remove_prefix(std::min(words[index].size() + 1, rest.size()));
    }
    const auto& [family, source_ip, destination_ip, source_port, destination_port] = words;
    if (family != "TCP4" && family != "TCP6")
        return bad("the protocol of version 1 is not TCP4, TCP6 or UNKNOWN");
    const bool v6 = family == "TCP6";
    const auto source = address_of(source_ip, source_port, v6);
    const auto destination = address_of(destination_ip, destination_port, v6);
    if (!source || !destination)
        return bad("an address of version 1 cannot be read");
    return {.kind = Kind::proxied, .size = size, .source = *source, .destination = *destination};
}

// Version 2: bytes.

SocketAddress address_v4(std::string_view ip, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    std::memcpy(&address.sin_addr, ip.data(), sizeof address.sin_addr);
    return SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&address),
                                        sizeof address);
}

SocketAddress address_v6(std::string_view ip, std::uint16_t port) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    std::memcpy(&address.sin6_addr, ip.data(), sizeof address.sin6_addr);
    return SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&address),
                                        sizeof address);
}

ProxyHeader read_v2(std::string_view bytes) {
    if (bytes.size() < kV2Fixed)
        return {};
    const unsigned char command = byte_at(bytes, 12);
    const unsigned char family = byte_at(bytes, 13);
    const std::size_t length = two_bytes(bytes, 14);
    const std::size_t size = kV2Fixed + length;
    if (command != kV2Local && command != kV2Proxy)
        return bad("neither LOCAL nor PROXY of version 2");
    if (size > kMaxProxyHeader)
        return bad("the header is longer than 4096 bytes");
    if (bytes.size() < size)
        return {};
    const std::string_view addresses = bytes.substr(kV2Fixed, length);
    if (command == kV2Local || (family != kV2Tcp4 && family != kV2Tcp6))
        return {.kind = Kind::local, .size = size};  // families that say nothing of TCP included
    ProxyHeader header{.kind = Kind::proxied, .size = size};
    if (family == kV2Tcp4) {
        if (length < kAddresses4)
            return bad("the header is too short for its addresses");
        header.source = address_v4(addresses.substr(0, 4), two_bytes(addresses, 8));
        header.destination = address_v4(addresses.substr(4, 4), two_bytes(addresses, 10));
    } else {
        if (length < kAddresses6)
            return bad("the header is too short for its addresses");
        header.source = address_v6(addresses.substr(0, 16), two_bytes(addresses, 32));
        header.destination = address_v6(addresses.substr(16, 16), two_bytes(addresses, 34));
    }
    return header;
}

// Writing.

void append_two(std::string& text, std::size_t number) {
    text += static_cast<char>(number >> 8U & 0xffU);
    text += static_cast<char>(number & 0xffU);
}

std::string v2_header(unsigned char command, unsigned char family, std::string_view addresses) {
    std::string header(kV2Begin);
    header += static_cast<char>(command);
    header += static_cast<char>(family);
    append_two(header, addresses.size());
    return header.append(addresses);
}

std::string ip_bytes(const SocketAddress& address) {
    if (address.family() == AF_INET) {
        const auto* v4 = reinterpret_cast<const sockaddr_in*>(address.data());
        return {reinterpret_cast<const char*>(&v4->sin_addr), sizeof v4->sin_addr};
    }
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address.data());
    return {reinterpret_cast<const char*>(&v6->sin6_addr), sizeof v6->sin6_addr};
}

}  // namespace

ProxyHeader read_proxy_header(std::string_view bytes) {
    if (begins_alike(bytes, kV1Begin))
        return bytes.size() < kV1Begin.size() ? ProxyHeader{} : read_v1(bytes);
    if (begins_alike(bytes, kV2Begin))
        return bytes.size() < kV2Begin.size() ? ProxyHeader{} : read_v2(bytes);
    return {.kind = Kind::none};
}

std::string proxy_header(SendProxy version, const SocketAddress& source,
                         const SocketAddress& destination) {
    if (version == SendProxy::off)
        return {};
    const bool named = source.family() == destination.family() && source.family() != AF_UNSPEC;
    const bool v4 = source.family() == AF_INET;
    if (version == SendProxy::v1) {
        if (!named)
            return "PROXY UNKNOWN\r\n";
        std::string line = v4 ? "PROXY TCP4 " : "PROXY TCP6 ";
        line.append(source.ip()).append(" ").append(destination.ip()).append(" ");
        line.append(std::to_string(source.port())).append(" ");
        return line.append(std::to_string(destination.port())).append("\r\n");
    }
    if (!named)
        return v2_header(kV2Proxy, 0, {});
    std::string addresses = ip_bytes(source) + ip_bytes(destination);
    append_two(addresses, source.port());
    append_two(addresses, destination.port());
    return v2_header(kV2Proxy, v4 ? kV2Tcp4 : kV2Tcp6, addresses);
}

std::string local_proxy_header(SendProxy version) {
    return version == SendProxy::v2 ? v2_header(kV2Local, 0, {})
                                    : proxy_header(version, SocketAddress(), SocketAddress());
}

}  // namespace proxy
