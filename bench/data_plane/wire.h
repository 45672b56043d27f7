#pragma once

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/socket.h>

// What load and server speak. A request is a Head and filler up to `request_size`, its answer the
// number and filler up to `answer_size`; filler depends on the number and the position, so that a
// byte that is lost, doubled or taken from elsewhere is seen.
namespace wire {

struct Head {
    std::uint64_t number;
    std::uint64_t answer_size;
    std::uint64_t request_size;  ///< this included
    enum class Kind : std::uint64_t {
        question,
        goodbye,  ///< the server closes, as PostgreSQL does
        echo,     ///< the server sends back what comes from here on, this included
    } kind = Kind::question;
};

/// Whether this begins a StartupMessage of PostgreSQL's protocol 3.0: four bytes of length, then
/// the version. No request does: its number would be above 3 * 2^40.
inline bool is_startup(const char* bytes, ssize_t size) {
    constexpr std::array<char, 4> kVersion{0, 3, 0, 0};
    return size >= 8 && std::equal(kVersion.begin(), kVersion.end(), bytes + 4);
}

using Clock = std::chrono::steady_clock;

[[noreturn]] inline void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

inline sockaddr_in address(const char* ip, int port) {
    sockaddr_in result{};
    result.sin_family = AF_INET;
    result.sin_port = htons(static_cast<std::uint16_t>(port));
    if (::inet_pton(AF_INET, ip, &result.sin_addr) != 1)
        fail(ip);
    return result;
}

inline void no_delay(int fd) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// Bytes of every message, from any position on: a piece of a sequence whose period is prime.
class Filler {
  public:
    static constexpr std::size_t kPeriod = 251;
    static constexpr std::size_t kPiece = 256 * 1024;

    Filler() {
        for (std::size_t i = 0; i < bytes_.size(); ++i)
            bytes_[i] = static_cast<char>(i % kPeriod);
    }
    /// At least kPiece bytes that stand from `position` on in message `number`.
    [[nodiscard]] const char* at(std::uint64_t number, std::uint64_t position) const {
        return bytes_.data() + (number + position) % kPeriod;
    }
    [[nodiscard]] bool holds(std::uint64_t number, std::uint64_t position, const char* bytes,
                             std::size_t size) const {
        for (std::size_t done = 0; done < size;) {
            const std::size_t piece = std::min(size - done, kPiece);
            if (std::memcmp(bytes + done, at(number, position + done), piece) != 0)
                return false;
            done += piece;
        }
        return true;
    }

  private:
    std::array<char, kPiece + kPeriod> bytes_;
};

}  // namespace wire
