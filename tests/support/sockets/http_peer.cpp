#include "http_peer.h"

#include <cerrno>
#include <poll.h>
#include <sstream>
#include <sys/socket.h>

#include "socket.h"

namespace support {

namespace {

constexpr std::size_t head_limit = 65'536;

HttpRequest parse_head(const std::string& head) {
    HttpRequest request;
    request.time = Clock::now();
    std::istringstream lines(head);
    std::string line;
    std::getline(lines, line);
    std::istringstream(line) >> request.method >> request.path;
    while (std::getline(lines, line)) {
        if (!line.empty() && line.back() == '\r')
            line.pop_back();
        if (!line.empty())
            request.headers.push_back(line);
    }
    return request;
}

bool would_block(ssize_t result) {
    return result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

}  // namespace

HttpPeer::HttpPeer(Fd fd, int stop_fd, const TlsServer* tls)
    : fd_(std::move(fd)), stop_fd_(stop_fd), server_(tls), tls_(tls ? tls->accept() : nullptr) {}

bool HttpPeer::wait(short events) {
    pollfd entries[2] = {{fd_.get(), events, 0}, {stop_fd_, POLLIN, 0}};
    while (::poll(entries, 2, -1) < 0 && errno == EINTR) {
    }
    return entries[1].revents == 0;
}

std::string HttpPeer::receive_wire() {
    char buffer[16 * 1024];
    while (wait(POLLIN)) {
        const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
        if (!would_block(n))
            return {buffer, n > 0 ? static_cast<std::size_t>(n) : 0};
    }
    return {};
}

std::string HttpPeer::receive() {
    if (!tls_)
        return receive_wire();
    std::string plain = tls_->read();
    while (plain.empty()) {
        const std::string wire = receive_wire();
        if (wire.empty())
            return {};
        tls_->feed(wire);
        plain = tls_->read();
    }
    return plain;
}

bool HttpPeer::handshake() {
    using Handshake = TlsOptions::Handshake;
    if (!tls_)
        return true;
    const TlsOptions& options = server_->options();
    if (options.handshake == Handshake::stall)
        return pause(std::chrono::hours{1});
    while (!tls_->established()) {
        const std::string wire = receive_wire();
        const bool accepted = !wire.empty() && tls_->feed(wire);
        const std::string output = tls_->take_output();
        const bool sent = options.handshake == Handshake::drip
                              ? drip_wire(output, options.drip_interval)
                              : send_wire(output);
        if (!accepted || !sent) {
            // So does a server that has not read what is no TLS at all.
            if (output.empty())
                reset();
            return false;
        }
    }
    return true;
}

std::optional<HttpRequest> HttpPeer::read_request() {
    std::string head;
    while (head.size() < head_limit) {
        const std::string next = receive();
        if (next.empty())
            return std::nullopt;
        head += next;
        if (const auto end = head.find("\r\n\r\n"); end != std::string::npos) {
            HttpRequest request = parse_head(head.substr(0, end));
            request.server_name = tls_ ? tls_->server_name() : "";
            request.client_name = tls_ ? tls_->client_name() : "";
            request.client_serial = tls_ ? tls_->client_serial() : "";
            return request;
        }
        if (head.find('\n') != std::string::npos && !is_upper(head.front()))
            return HttpRequest{};
    }
    return std::nullopt;
}

bool HttpPeer::send_wire(const std::string& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
        const ssize_t n = ::send(fd_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (n >= 0)
            sent += static_cast<std::size_t>(n);
        else if (!would_block(n) || !wait(POLLOUT))
            return false;
    }
    return true;
}

bool HttpPeer::send(const std::string& bytes) {
    if (!tls_)
        return send_wire(bytes);
    tls_->write(bytes);
    return send_wire(tls_->take_output());
}

bool HttpPeer::drip(const std::string& bytes, Milliseconds interval) {
    for (const char byte : bytes)
        if (!send(std::string(1, byte)) || !pause(interval))
            return false;
    return true;
}

bool HttpPeer::drip_wire(const std::string& bytes, Milliseconds interval) {
    for (const char byte : bytes)
        if (!send_wire(std::string(1, byte)) || !pause(interval))
            return false;
    return true;
}

bool HttpPeer::send_endlessly(const std::string& chunk, std::size_t cap) {
    for (std::size_t sent = 0; sent < cap; sent += chunk.size())
        if (gone() || !send(chunk))
            return false;
    return true;
}

bool HttpPeer::pause(Milliseconds duration) {
    pollfd entries[2] = {{fd_.get(), POLLRDHUP, 0}, {stop_fd_, POLLIN, 0}};
    const auto deadline = Clock::now() + duration;
    int ready = 0;
    do {
        const auto left = std::chrono::ceil<Milliseconds>(deadline - Clock::now()).count();
        ready = ::poll(entries, 2, left > 0 ? static_cast<int>(left) : 0);
    } while (ready < 0 && errno == EINTR);
    return ready == 0;
}

bool HttpPeer::gone() const {
    pollfd entry{fd_.get(), POLLRDHUP, 0};
    return ::poll(&entry, 1, 0) > 0;
}

void HttpPeer::finish() {
    if (tls_ && server_->options().close_notify) {
        tls_->close();
        send_wire(tls_->take_output());
    }
    ::shutdown(fd_.get(), SHUT_WR);
    char ignored[4096];
    ssize_t n = 1;
    while (n > 0 && wait(POLLIN))
        do {
            n = ::recv(fd_.get(), ignored, sizeof ignored, 0);
        } while (n < 0 && errno == EINTR);
}

void HttpPeer::reset() {
    reset_on_close(fd_.get());
    fd_.close();
}

}  // namespace support
