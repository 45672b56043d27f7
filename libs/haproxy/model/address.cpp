#include "haproxy/model/address.h"

#include <cstddef>

namespace haproxy {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
    if (text.empty() || text.size() > 5 ||
        text.find_first_not_of("0123456789") != std::string_view::npos)
        return std::nullopt;
    const int number = std::stoi(std::string(text));
    if (number > 65'535)
        return std::nullopt;
    return static_cast<std::uint16_t>(number);
}

bool is_unsigned(std::string_view text) {
    return !text.empty() && text.size() <= 5 &&
           text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// What follows the last colon. False if it is no port.
bool read_port(std::string_view text, Address& address) {
    const auto dash = text.find('-', 1);
    if (text.starts_with('+') || (text.starts_with('-') && text.size() > 1)) {
        if (!is_unsigned(text.substr(1)))
            return false;
        address.port_offset = std::stoi(std::string(text.substr(1)));
        if (text.front() == '-')
            address.port_offset = -address.port_offset;
        return true;
    }
    address.port = parse_port(text.substr(0, dash));
    address.last_port =
        dash == std::string_view::npos ? address.port : parse_port(text.substr(dash + 1));
    return address.port && address.last_port && *address.last_port >= *address.port;
}

Address parse(std::string_view word) {
    Address address;
    address.text = std::string(word);
    if (word.starts_with("unix@"))
        word.remove_prefix(5);
    if (word.starts_with('/')) {
        address.kind = Address::Kind::path;
        address.host = std::string(word);
        return address;
    }
    for (const std::string_view prefix : {"ipv4@", "ipv6@", "tcp@", "tcp4@", "tcp6@"})
        if (word.starts_with(prefix)) {
            address.ipv6 = prefix.find('6') != std::string_view::npos;
            word.remove_prefix(prefix.size());
            break;
        }
    if (word.find('@') != std::string_view::npos || word.starts_with('{')) {
        address.kind = Address::Kind::other;
        return address;
    }
    const std::size_t colon = word.rfind(':');
    const std::size_t bracket = word.rfind(']');
    std::string_view host = word;
    if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
        host = word.substr(0, colon);
        // "name:" has no port either: HAProxy takes the one of the client's connection.
        if (colon + 1 < word.size() && !read_port(word.substr(colon + 1), address))
            address.kind = Address::Kind::other;
    }
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    if (host == "::") {
        address.ipv6 = true;
        host = {};
    }
    if (host == "*" || host == "0.0.0.0")
        host = {};
    address.host = std::string(host);
    return address;
}

}  // namespace

std::vector<Address> parse_bind_addresses(std::string_view word) {
    std::vector<Address> addresses;
    while (!word.empty()) {
        const std::size_t comma = word.find(',');
        const std::string_view one = word.substr(0, comma);
        if (!one.empty())
            addresses.push_back(parse(one));
        word.remove_prefix(comma == std::string_view::npos ? word.size() : comma + 1);
    }
    return addresses;
}

Address parse_server_address(std::string_view word) {
    return parse(word);
}

}  // namespace haproxy
