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
#include "patroni_proxy/cli/status/status_reader.h"

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

}  // namespace

LiveSources::LiveSources(const std::string& haproxy, const std::string& api)
    : api_(api, kPatience), client_({.connect = 1s, .total = kPatience}, {.resolver = resolver_}) {
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

patroni::Result<ProxyReport> LiveSources::status() {
    try {
        return cli::read_status(api_.get("/status"));
    } catch (const std::runtime_error& error) {  // ControlError, Unreadable
        return patroni::Failure{error.what()};
    }
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

std::string reachable(const net::ListenAddress& address) {
    if (address.is_unix())
        return address.path();
    const std::string ip = address.socket_address().ip();
    const std::string port = std::to_string(address.port());
    if (ip == "0.0.0.0")
        return "127.0.0.1:" + port;
    return ip == "::" ? "[::1]:" + port : address.to_string();
}

}  // namespace proxy::migrate
