#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <limits>
#include <netinet/in.h>
#include <string_view>
#include <sys/socket.h>

#include "net/socket/socket_address.h"

// Values in fields. Both processes are on one host: they have the same kernel and the same clock.
namespace proxy::upgrade {

/// An address as the kernel has it; empty if it is unset. Borrowed.
inline std::string_view text_of_address(const net::SocketAddress& address) {
    if (address.family() == AF_UNSPEC)
        return {};
    return {reinterpret_cast<const char*>(address.data()), address.size()};
}

/// Unset for anything that is none.
inline net::SocketAddress address_of_text(std::string_view text) {
    sockaddr_storage storage{};
    if (text.size() != sizeof(sockaddr_in) && text.size() != sizeof(sockaddr_in6))
        return {};
    std::memcpy(&storage, text.data(), text.size());
    const auto expected = storage.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (text.size() != expected)
        return {};
    return net::SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&storage),
                                             static_cast<socklen_t>(text.size()));
}

inline std::uint64_t number_of_time(std::chrono::steady_clock::time_point time) {
    const auto count =
        std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
    return static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
}

/// Far enough from the ends of the clock to add any timeout to it.
inline std::chrono::steady_clock::time_point time_of_number(std::uint64_t number) {
    constexpr auto kLatest =
        static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / 2);
    return std::chrono::steady_clock::time_point(
        std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(number, kLatest))));
}

}  // namespace proxy::upgrade
