#include "patroni_proxy/migrate/live_sources.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <vector>

#include "net/socket/socket_address.h"
#include "net/socket/unique_fd.h"
#include "patroni/rest/failure_reason.h"

namespace proxy::migrate {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 2s;
constexpr std::size_t kMaxAnswer = std::size_t{16} * 1024 * 1024;

/// Sends `question` to a unix socket and reads to the end.
patroni::Result<std::string> ask_socket(const std::string& path, const std::string& question) {
    const auto failure = [&](const std::string& what) {
        return patroni::Failure{path + ": " + what};
    };
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return failure("the path is too long");
    std::memcpy(address.sun_path, path.data(), path.size());
    const net::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{kPatience.count(), 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return failure(patroni::reason_of_errno(errno));
    if (::send(fd.get(), question.data(), question.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(question.size()))
        return failure(patroni::reason_of_errno(errno));
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    std::string answer;
    std::array<char, 16'384> bytes{};
    while (answer.size() < kMaxAnswer) {
        const ssize_t count = ::recv(fd.get(), bytes.data(), bytes.size(), 0);
        if (count == 0)
            return answer;
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 || std::chrono::steady_clock::now() > deadline)
            return failure("no complete answer within 2 s");
        answer.append(bytes.data(), static_cast<std::size_t>(count));
    }
    return failure("its answer is longer than 16 MiB");
}

patroni::Result<std::string> body_of(const patroni::Result<std::string>& answer) {
    if (!answer)
        return answer;
    const std::string& text = answer.value();
    const auto end = text.find("\r\n\r\n");
    if (end == std::string::npos || text.find(" 200 ") > text.find("\r\n"))
        return patroni::Failure{"GET /status: " + text.substr(0, text.find("\r\n"))};
    return text.substr(end + 4);
}

/// Where to connect to for an address that is listened on: "0.0.0.0" is this host.
patroni::Endpoint endpoint_of(const net::SocketAddress& address) {
    std::string host = address.ip();
    if (host == "0.0.0.0")
        host = "127.0.0.1";
    if (host == "::")
        host = "::1";
    return {false, host, address.port()};
}

}  // namespace

LiveSources::LiveSources(const std::string& haproxy, const net::ListenAddress& api)
    : api_(api), client_({.connect = 1s, .total = kPatience}, {.resolver = resolver_}) {
    const std::size_t scheme = haproxy.find("://");
    if (scheme == std::string::npos) {
        socket_ = haproxy.starts_with("unix:") ? haproxy.substr(5) : haproxy;
        return;
    }
    const std::size_t slash = haproxy.find('/', scheme + 3);
    page_path_ = (slash == std::string::npos ? "/" : haproxy.substr(slash)) + ";csv";
    auto endpoint = patroni::Endpoint::parse(haproxy.substr(0, slash));
    if (!endpoint)
        throw std::runtime_error("'" + haproxy +
                                 "' is no statistics page that can be asked: " + endpoint.reason());
    page_ = std::move(endpoint).value();
}

patroni::Result<std::string> LiveSources::stat() {
    return socket_.empty() ? get(page_, page_path_) : ask_socket(socket_, "show stat\n");
}

patroni::Result<std::string> LiveSources::status() {
    if (api_.is_unix())
        return body_of(ask_socket(api_.path(), "GET /status HTTP/1.0\r\n\r\n"));
    return get(endpoint_of(api_.socket_address()), "/status");
}

std::vector<std::string> LiveSources::addresses_of(const std::string& host) {
    const auto found = resolver_->addresses_of(host, patroni::ResolvePrefer::any, kPatience);
    return found ? found.value() : std::vector<std::string>();
}

patroni::Result<std::string> LiveSources::get(const patroni::Endpoint& endpoint,
                                              const std::string& path) {
    auto reply = client_.get(endpoint, path);
    if (!reply)
        return patroni::Failure{endpoint.url() + path + ": " + reply.reason()};
    if (reply.value().status != 200)
        return patroni::Failure{endpoint.url() + path + ": " +
                                std::to_string(reply.value().status) + " " + reply.value().phrase};
    return std::move(reply).value().body;
}

}  // namespace proxy::migrate
