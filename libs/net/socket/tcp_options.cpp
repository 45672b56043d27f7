#include "net/socket/tcp_options.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "net/socket/unique_fd.h"

namespace net {
namespace {

// Without a user timeout, the number of probes decides when a silent connection is broken; the
// kernel's default, 9, would take a minute.
constexpr int kKeepaliveProbes = 3;

template <typename Rep, typename Period>
int count_of(std::chrono::duration<Rep, Period> duration) noexcept {
    return static_cast<int>(std::clamp<Rep>(duration.count(), 0, std::numeric_limits<int>::max()));
}

int set(int fd, int level, int name, int value) noexcept {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : errno;
}

/// A socket with its own interval cannot be reset to the default; a new socket shows the default.
int kernels_interval() noexcept {
    const UniqueFd fresh(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    int seconds = 75;  // what Linux comes with
    socklen_t size = sizeof seconds;
    ::getsockopt(fresh.get(), IPPROTO_TCP, TCP_KEEPINTVL, &seconds, &size);
    return seconds;
}

int apply_keepalive(int fd, const TcpOptions& options) noexcept {
    const int idle = count_of(options.keepalive_idle);
    if (idle == 0)
        return set(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
    const int asked = count_of(options.keepalive_interval);
    const int interval = asked == 0 ? kernels_interval() : asked;
    if (const int error = set(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle); error != 0)
        return error;
    if (const int error = set(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval); error != 0)
        return error;
    if (const int error = set(fd, IPPROTO_TCP, TCP_KEEPCNT, kKeepaliveProbes); error != 0)
        return error;
    return set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

}  // namespace

int apply_to_new(int fd, const TcpOptions& options) noexcept {
    const int timeout = count_of(options.user_timeout);
    const int error = timeout == 0 ? 0 : set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, timeout);
    return error != 0 || options.keepalive_idle.count() == 0 ? error : apply_keepalive(fd, options);
}

int apply(int fd, const TcpOptions& options) noexcept {
    const int error = set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, count_of(options.user_timeout));
    if (error == EOPNOTSUPP)
        return 0;  // what a unix socket says
    return error != 0 ? error : apply_keepalive(fd, options);
}

}  // namespace net
