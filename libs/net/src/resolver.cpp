#include "net/resolver.h"

#include <memory>
#include <netdb.h>

namespace net {

std::optional<SocketAddress> resolve(const std::string& host, std::uint16_t port) {
    if (auto address = SocketAddress::from_ip(host, port))
        return address;
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
        return std::nullopt;
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
    const addrinfo* best = found;
    for (const addrinfo* each = found; each; each = each->ai_next)
        if (each->ai_family == AF_INET) {
            best = each;
            break;
        }
    return SocketAddress::from_sockaddr(best->ai_addr, best->ai_addrlen);
}

}  // namespace net
