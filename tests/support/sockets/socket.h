#pragma once

#include <cstdint>
#include <string>
#include <sys/socket.h>

#include "fd.h"
#include "support/wait.h"

namespace support {

/// A numeric IPv4 or IPv6 address with a port. Throws std::invalid_argument for anything else.
class SocketAddress {
  public:
    SocketAddress(const std::string& ip, std::uint16_t port);

    [[nodiscard]] int family() const noexcept { return storage_.ss_family; }
    [[nodiscard]] const sockaddr* get() const noexcept;
    [[nodiscard]] socklen_t length() const noexcept { return length_; }

  private:
    sockaddr_storage storage_{};
    socklen_t length_ = 0;
};

/// "127.0.0.1:80" or "[::1]:80".
std::string host_and_port(const std::string& ip, std::uint16_t port);

std::uint16_t local_port(int fd);

/// Non-blocking, close-on-exec; throws std::system_error.
Fd make_tcp_socket(int family);

/// Waits for `events` on `fd` (POLLERR and POLLHUP end the wait too); false when time is up.
bool wait_ready(int fd, short events, Clock::time_point deadline);

/// Waits for the outcome of a non-blocking connect(): 0, or its errno; ETIMEDOUT at `deadline`.
int finish_connect(int fd, Clock::time_point deadline);

/// Makes the coming close() send a RST instead of a FIN.
void reset_on_close(int fd);

/// A bound TCP socket that can stop and start to listen without ever giving its port away: while
/// it does not listen, connections are refused and no other process can take the port.
/// One thread at a time; throws std::system_error.
class ListeningSocket {
  public:
    ListeningSocket(const std::string& ip, std::uint16_t port, int receive_buffer = 0);

    void listen(int backlog = SOMAXCONN);
    void refuse();

    /// The next connection, non-blocking; empty if none is waiting.
    Fd accept();

    [[nodiscard]] bool listening() const noexcept { return listening_; }
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  private:
    Fd fd_;
    std::uint16_t port_ = 0;
    bool listening_ = false;
};

}  // namespace support
