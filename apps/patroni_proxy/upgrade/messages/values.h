#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include "base/histogram.h"
#include "net/socket/socket_address.h"
#include "patroni_proxy/upgrade/messages/fields.h"

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

inline std::uint64_t bits_of(double value) {
    return std::bit_cast<std::uint64_t>(value);
}

inline double double_of(std::uint64_t bits) {
    return std::bit_cast<double>(bits);
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

/// The counts of the buckets follow, one field each.
enum HistogramFields : unsigned { kHistogramSum = 1, kHistogramBuckets, kFirstHistogramBucket };

template <typename Scale>
std::string write_histogram(const base::Histogram<Scale>& histogram) {
    FieldWriter out;
    out.number(kHistogramSum, std::bit_cast<std::uint64_t>(histogram.sum));
    out.number(kHistogramBuckets, histogram.counts.size());
    for (std::size_t i = 0; i < histogram.counts.size(); ++i)
        out.number_unless_0(static_cast<unsigned>(kFirstHistogramBucket + i), histogram.counts[i]);
    return out.bytes();
}

/// Of another version, which has other buckets, nothing is counted.
template <typename Scale>
bool read_histogram(std::string_view fields, base::Histogram<Scale>& histogram) {
    base::Histogram<Scale> read;
    std::uint64_t buckets = 0;
    FieldReader in(fields);
    while (in.next()) {
        const auto field = in.field();
        if (field == kHistogramSum)
            read.sum = std::bit_cast<double>(in.number());
        else if (field == kHistogramBuckets)
            buckets = in.number();
        else if (field >= kFirstHistogramBucket &&
                 field - kFirstHistogramBucket < read.counts.size())
            read.counts[static_cast<std::size_t>(field - kFirstHistogramBucket)] = in.number();
    }
    if (buckets == read.counts.size() && std::isfinite(read.sum))
        histogram = read;
    return !in.failed();
}

}  // namespace proxy::upgrade
