#pragma once

#include <optional>
#include <sys/types.h>

#include "net/socket/listen_address.h"
#include "net/socket/socket_address.h"
#include "net/socket/tcp_options.h"
#include "net/socket/unique_fd.h"

namespace net {

struct ListenOptions {
    /// Who may connect to a unix socket, as chmod takes it. Empty: 0777, everybody, as PostgreSQL's
    /// unix_socket_permissions: a password is asked for behind it, and a directory that few may
    /// enter keeps the others away.
    std::optional<mode_t> unix_mode{};
    TcpOptions tcp{};  ///< what the connections inherit; not for a unix socket
};

/// Owns a socket that listens, and the path of a unix socket: destruction removes that too, unless
/// something else is there by now. Whoever accepts on it borrows it: connections that arrive while
/// nobody does wait in its backlog.
/// Move-only; usable from any thread, by one at a time.
class ListeningSocket {
  public:
    /// None.
    ListeningSocket() = default;
    ListeningSocket(ListeningSocket&& other) noexcept = default;
    ListeningSocket& operator=(ListeningSocket&& other) noexcept;
    ~ListeningSocket() { close(); }

    [[nodiscard]] int get() const noexcept { return fd_.get(); }
    [[nodiscard]] explicit operator bool() const noexcept { return bool(fd_); }
    /// Where it really listens: a port given as 0 has become a number.
    [[nodiscard]] const ListenAddress& address() const noexcept { return address_; }

    /// For the connections that arrive from now on. 0 or an errno, as net::apply().
    [[nodiscard]] int apply(const TcpOptions& options) const noexcept;
    /// Of a unix socket that is still at its path; of others nothing. 0 or an errno.
    [[nodiscard]] int set_mode(std::optional<mode_t> mode) const noexcept;
    /// Gives the socket away, its path stays: another process, or a later one, goes on with it.
    [[nodiscard]] UniqueFd release() noexcept;
    /// As destruction.
    void close() noexcept;

  private:
    [[nodiscard]] bool has_its_path() const noexcept;

    friend ListeningSocket bind_listening_socket(const ListenAddress&, const ListenOptions&);

    UniqueFd fd_;
    ListenAddress address_;
    // What we put at the path of a unix socket, to be told from what came there later.
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

/// A socket that listens, with nobody accepting yet. Throws std::system_error naming the address.
///
/// "[::]" takes IPv4 as well, whatever net.ipv6.bindv6only says.
/// A unix socket appears at its path ready: with its mode, and answering. One that nobody listens
/// on any more is replaced; one that somebody does is an error (EADDRINUSE), and so is any other
/// file (EEXIST), which is left as it is. Two processes that replace the same one at the same
/// moment are not told of each other: the later has the path.
[[nodiscard]] ListeningSocket bind_listening_socket(const ListenAddress& address,
                                                    const ListenOptions& options = {});
[[nodiscard]] ListeningSocket bind_listening_socket(const SocketAddress& address,
                                                    const ListenOptions& options = {});

}  // namespace net
