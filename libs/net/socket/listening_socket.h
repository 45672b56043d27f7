#pragma once

#include <optional>
#include <sys/types.h>

#include "net/socket/listen_address.h"
#include "net/socket/tcp_options.h"
#include "net/socket/unique_fd.h"

namespace net {

struct ListenOptions {
    /// Mode of a unix socket. Empty: 0777, as PostgreSQL's unix_socket_permissions default; the
    /// server asks for a password, and the directory's mode can keep others out.
    std::optional<mode_t> unix_mode{};
    std::optional<gid_t> unix_group{};  ///< group of a unix socket; empty: the process's
    /// The host need not have the address yet (IP_FREEBIND); not for a unix socket.
    bool freebind = false;
    TcpOptions tcp{};  ///< inherited by the connections; not for a unix socket
};

/// Owns a listening socket and the path of a unix socket: destruction also removes the path, unless
/// something else is there by then. An acceptor borrows it; without one, connections wait in its
/// backlog. Move-only; any thread, one at a time.
class ListeningSocket {
  public:
    /// None.
    ListeningSocket() = default;
    ListeningSocket(ListeningSocket&& other) noexcept = default;
    ListeningSocket& operator=(ListeningSocket&& other) noexcept;
    ~ListeningSocket() { close(); }

    [[nodiscard]] int get() const noexcept { return fd_.get(); }
    [[nodiscard]] explicit operator bool() const noexcept { return bool(fd_); }
    /// The address it is bound to: port 0 has become a number.
    [[nodiscard]] const ListenAddress& address() const noexcept { return address_; }

    /// Applies to connections that arrive from now on. 0 or an errno, as net::apply().
    [[nodiscard]] int apply(const TcpOptions& options) const noexcept;
    /// Sets the mode, and with it the group (by default the process's), of a unix socket that is
    /// still at its path; else does nothing. 0 or an errno.
    [[nodiscard]] int set_mode(std::optional<mode_t> mode,
                               std::optional<gid_t> group) const noexcept;
    /// A unix socket that no client finds any more: its file was removed, or is another one now.
    [[nodiscard]] bool has_lost_its_path() const noexcept {
        return address_.is_unix() && !has_its_path();
    }
    /// Refuses clients from now on, those in its backlog included, and keeps the address. Does
    /// nothing to a unix socket, which could not listen again.
    void refuse() const noexcept;
    /// Takes them again. 0 or an errno: EADDRINUSE if another process listens there by now.
    [[nodiscard]] int listen() const noexcept;
    [[nodiscard]] bool is_listening() const noexcept;
    /// From now on the path stays when this is destroyed: somebody else keeps the socket listening.
    /// false: the path is this one's again.
    void leave_path(bool leaves = true) const noexcept { leaves_path_ = leaves; }
    /// As destruction.
    void close() noexcept;

  private:
    [[nodiscard]] bool has_its_path() const noexcept;

    friend ListeningSocket bind_listening_socket(const ListenAddress&, const ListenOptions&);
    friend ListeningSocket adopt_listening_socket(UniqueFd, const std::optional<ListenAddress>&);

    UniqueFd fd_;
    ListenAddress address_;
    // Identify the file that we put at the path: something else may have taken its place.
    dev_t device_ = 0;
    ino_t inode_ = 0;
    mutable bool leaves_path_ = false;
};

/// Returns a socket that listens. Throws std::system_error naming the address.
///
/// "[::]" includes IPv4, whatever net.ipv6.bindv6only says.
/// A unix socket appears at its path complete: with its mode, and listening. It replaces a socket
/// that nobody listens on any more. A socket in use is an error (EADDRINUSE), any other file too
/// (EEXIST), and both stay. If two processes replace the same socket at the same moment, the later
/// one gets the path and neither sees an error.
[[nodiscard]] ListeningSocket bind_listening_socket(const ListenAddress& address,
                                                    const ListenOptions& options = {});

/// Takes over a stream socket that was bound already, non-blocking from now on. `known`: the
/// address that it was given; a unix socket of ours does not know its path, since it was renamed.
/// Empty if it is a unix socket at whose path there is no socket any more: no client can reach it.
[[nodiscard]] ListeningSocket adopt_listening_socket(
    UniqueFd socket, const std::optional<ListenAddress>& known = {});

}  // namespace net
