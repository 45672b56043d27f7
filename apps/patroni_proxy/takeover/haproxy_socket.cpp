#include "patroni_proxy/takeover/haproxy_socket.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <system_error>

namespace proxy::takeover {
namespace {

[[noreturn]] void fail_to_ask(const std::string& path, const std::string& why) {
    throw std::runtime_error(path + ": " + why);
}

}  // namespace

void limit_waits(int connection, std::chrono::milliseconds timeout) {
    const timeval time{.tv_sec = timeout.count() / 1000,
                       .tv_usec = static_cast<suseconds_t>(timeout.count() % 1000 * 1000)};
    ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    ::setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

std::string reason_of_wait(int error) {
    return error == EAGAIN || error == EWOULDBLOCK ? "no answer in time"
                                                   : std::generic_category().message(error);
}

net::UniqueFd connect_to_haproxy(const std::string& path, std::chrono::milliseconds timeout) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        fail_to_ask(path, "is not the path of a unix socket");
    path.copy(address.sun_path, path.size());
    auto size = static_cast<socklen_t>(sizeof address);
    if (path.front() == '@') {
        address.sun_path[0] = '\0';
        size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    }
    net::UniqueFd connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!connection)
        fail_to_ask(path, std::generic_category().message(errno));
    limit_waits(connection.get(), timeout);
    if (::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0)
        fail_to_ask(path, reason_of_wait(errno));
    return connection;
}

std::string ask_haproxy(const std::string& path, const std::string& command,
                        std::chrono::milliseconds timeout) {
    constexpr std::size_t kMaxAnswer = std::size_t{16} * 1024 * 1024;
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    const net::UniqueFd connection = connect_to_haproxy(path, timeout);
    const std::string line = command + "\n";
    if (::send(connection.get(), line.data(), line.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(line.size()))
        fail_to_ask(path, reason_of_wait(errno));
    std::string answer;
    std::array<char, 16'384> bytes{};
    while (answer.size() < kMaxAnswer) {
        const ssize_t count = ::recv(connection.get(), bytes.data(), bytes.size(), 0);
        if (count == 0)
            return answer;
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            fail_to_ask(path, reason_of_wait(errno));
        if (std::chrono::steady_clock::now() > deadline)
            fail_to_ask(path, reason_of_wait(EAGAIN));
        answer.append(bytes.data(), static_cast<std::size_t>(count));
    }
    fail_to_ask(path, "its answer is longer than 16 MiB");
}

}  // namespace proxy::takeover
