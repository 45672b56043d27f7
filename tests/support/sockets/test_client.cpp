#include "test_client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <utility>

#include "socket.h"

namespace support {

namespace {

int connect_within(int fd, const SocketAddress& address, Milliseconds timeout) {
    if (::connect(fd, address.get(), address.length()) == 0)
        return 0;
    return errno == EINPROGRESS ? finish_connect(fd, Clock::now() + timeout) : errno;
}

std::string excerpt(const std::string& bytes) {
    constexpr std::size_t limit = 200;
    const std::string text = bytes.substr(0, limit) + (bytes.size() > limit ? "..." : "");
    return std::to_string(bytes.size()) + " bytes '" + text + "'";
}

}  // namespace

std::ostream& operator<<(std::ostream& out, Closed how) {
    return out << (how == Closed::fin ? "FIN" : "RST");
}

TestClient::TestClient(const std::string& ip, std::uint16_t port, const ClientOptions& options)
    : peer_(host_and_port(ip, port)), options_(options) {
    const SocketAddress address(ip, port);
    fd_ = make_tcp_socket(address.family());
    if (const int size = options.receive_buffer; size > 0)
        (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (const int error = connect_within(fd_.get(), address, options.timeout); error != 0)
        throw std::system_error(error, std::generic_category(), "connect to " + peer_);
}

TestClient TestClient::on_unix(const std::string& path, const ClientOptions& options) {
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::system_error(errno, std::generic_category(), "connect to " + path);
    return {std::move(fd), path, options};
}

int TestClient::connect_error(const std::string& ip, std::uint16_t port, Milliseconds timeout) {
    const SocketAddress address(ip, port);
    const Fd fd = make_tcp_socket(address.family());
    return connect_within(fd.get(), address, timeout);
}

void TestClient::send(const std::string& bytes) {
    const auto until = deadline();
    std::size_t sent = 0;
    while (sent < bytes.size()) {
        const ssize_t n = ::send(fd_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (n >= 0)
            sent += static_cast<std::size_t>(n);
        else if (errno != EAGAIN && errno != EINTR)
            throw std::system_error(errno, std::generic_category(), "send to " + peer_);
        else if (!wait_ready(fd_.get(), POLLOUT, until))
            throw TimedOut(options_.timeout, peer_ + " to take " + std::to_string(bytes.size()),
                           std::to_string(sent) + " bytes taken");
    }
}

std::size_t TestClient::send_until_blocked(std::size_t limit, Milliseconds quiet) {
    const std::string chunk(std::size_t{64} * 1024, ' ');
    std::size_t sent = 0;
    while (sent < limit && wait_ready(fd_.get(), POLLOUT, Clock::now() + quiet)) {
        const ssize_t n =
            ::send(fd_.get(), chunk.data(), std::min(chunk.size(), limit - sent), MSG_NOSIGNAL);
        if (n >= 0)
            sent += static_cast<std::size_t>(n);
        else if (errno != EAGAIN && errno != EINTR)
            throw std::system_error(errno, std::generic_category(), "send to " + peer_);
    }
    return sent;
}

std::string TestClient::receive(std::size_t n) {
    const auto until = deadline();
    const std::string awaited = std::to_string(n) + " bytes";
    while (buffered_.size() < n)
        if (!read_more(until, awaited))
            fail_closed(awaited);
    return take(n);
}

std::string TestClient::receive_line() {
    const auto until = deadline();
    std::size_t end = 0;
    while ((end = buffered_.find('\n')) == std::string::npos)
        if (!read_more(until, "a line"))
            fail_closed("a line");
    std::string line = take(end + 1);
    line.pop_back();
    return line;
}

std::string TestClient::receive_to_eof() {
    const auto until = deadline();
    while (read_more(until, "a FIN")) {
    }
    if (closed_ == Closed::reset)
        fail_closed("a FIN");
    return std::exchange(buffered_, {});
}

Closed TestClient::wait_for_close() {
    const auto until = deadline();
    while (read_more(until, "a FIN or RST"))
        buffered_.clear();
    return *closed_;
}

void TestClient::wait_for_eof() {
    if (wait_for_close() != Closed::fin)
        fail_closed("a FIN");
}

std::optional<Closed> TestClient::closed_now() {
    if (closed_)
        return closed_;
    pollfd entry{fd_.get(), POLLRDHUP, 0};
    if (::poll(&entry, 1, 0) <= 0)
        return std::nullopt;
    return (entry.revents & POLLERR) != 0 ? Closed::reset : Closed::fin;
}

void TestClient::half_close() {
    ::shutdown(fd_.get(), SHUT_WR);
}

void TestClient::reset() {
    reset_on_close(fd_.get());
    fd_.close();
}

std::uint16_t TestClient::local_port() const {
    return support::local_port(fd_.get());
}

bool TestClient::read_more(Clock::time_point until, const std::string& awaited) {
    std::array<char, std::size_t{64} * 1024> buffer;
    while (!closed_) {
        if (!wait_ready(fd_.get(), POLLIN, until))
            throw TimedOut(options_.timeout, awaited + " from " + peer_, excerpt(buffered_));
        const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
        if (n > 0) {
            buffered_.append(buffer.data(), static_cast<std::size_t>(n));
            return true;
        }
        if (n == 0)
            closed_ = Closed::fin;
        else if (errno != EAGAIN && errno != EINTR)
            closed_ = Closed::reset;
    }
    return false;
}

std::string TestClient::take(std::size_t n) {
    std::string taken = buffered_.substr(0, n);
    buffered_.erase(0, n);
    return taken;
}

void TestClient::fail_closed(const std::string& awaited) const {
    throw std::runtime_error(peer_ + " ended the connection (" +
                             (closed_ == Closed::reset ? "RST" : "FIN") + ") before " + awaited +
                             "; seen: " + excerpt(buffered_));
}

}  // namespace support
