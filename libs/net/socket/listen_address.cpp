#include "net/socket/listen_address.h"

namespace net {
namespace {

constexpr std::string_view kUnix = "unix:";

bool is_wildcard(const SocketAddress& address) noexcept {
    if (address.family() == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(
                   &reinterpret_cast<const sockaddr_in6*>(address.data())->sin6_addr) != 0;
    return reinterpret_cast<const sockaddr_in*>(address.data())->sin_addr.s_addr == INADDR_ANY;
}

/// Whether a socket bound to `wide` would get what is sent to `narrow`, whatever the port.
bool takes_all_of(const SocketAddress& wide, const SocketAddress& narrow) noexcept {
    return is_wildcard(wide) && (wide.family() == AF_INET6 || narrow.family() == AF_INET);
}

}  // namespace

std::optional<ListenAddress> ListenAddress::parse(std::string_view text) {
    const bool prefixed = text.starts_with(kUnix);
    if (!prefixed && !text.starts_with('/')) {
        // "*:6432" and ":6432" are all IPv4 addresses, as in HAProxy's `bind`.
        const std::size_t host = text.starts_with("*:") ? 1 : 0;
        const auto address = SocketAddress::parse(text.substr(host).starts_with(':')
                                                      ? "0.0.0.0" + std::string(text.substr(host))
                                                      : std::string(text));
        return address ? std::optional(ListenAddress(*address)) : std::nullopt;
    }
    const auto path = text.substr(prefixed ? kUnix.size() : 0);
    if (!path.starts_with('/') || path.ends_with('/') || path.size() > kMaxPath ||
        path.find('\0') != std::string_view::npos)
        return std::nullopt;
    ListenAddress result;
    result.path_ = path;
    return result;
}

std::string ListenAddress::to_string() const {
    return is_unix() ? std::string(kUnix) + path_ : address_.to_string();
}

bool ListenAddress::overlaps(const ListenAddress& other) const noexcept {
    if (is_unix() || other.is_unix())
        return path_ == other.path_;
    if (port() == 0 || port() != other.port())
        return false;
    return address_ == other.address_ || takes_all_of(address_, other.address_) ||
           takes_all_of(other.address_, address_);
}

}  // namespace net
