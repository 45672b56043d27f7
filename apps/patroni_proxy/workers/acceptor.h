#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/log/log_throttle.h"
#include "net/loop/listener.h"
#include "net/loop/timer.h"
#include "net/socket/listening_socket.h"
#include "patroni_proxy/workers/worker.h"

namespace proxy {

/// Accepts the clients of one listening socket and hands each to the worker with the fewest
/// sessions. This is exactly even, also when a thousand arrive at once, unlike SO_REUSEPORT and
/// EPOLLEXCLUSIVE. Runs on the first worker's loop, whose own share needs no hand-over.
///
/// It can leave off while its port has nobody to serve clients: the socket then refuses them, so
/// that whoever balances over several proxies sees it, and keeps its address.
class Acceptor final : private net::AcceptHandler {
  public:
    using Socket = std::shared_ptr<const net::ListeningSocket>;

    /// Loop thread of the first worker. `workers` outlive it. `is_shared`: another process may
    /// accept on the socket too. Throws std::system_error if it cannot accept.
    Acceptor(std::vector<std::unique_ptr<Worker>>& workers, PortPtr port, Socket socket,
             bool is_shared = false);
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;

    [[nodiscard]] const Port& port() const noexcept { return *port_; }
    [[nodiscard]] const Socket& socket() const noexcept { return socket_; }
    /// Whether the port has a use for clients. Without, it refuses them, unless the socket is a
    /// unix socket or shared.
    void take_clients(bool takes) noexcept;
    /// From now on another process may accept on the socket: it takes clients, come what may.
    void share() noexcept;

  private:
    void begin_accepting();
    void listen_again() noexcept;
    void on_accept(net::UniqueFd connection, const net::SocketAddress& peer) noexcept override;
    void on_accept_paused(int error) noexcept override;

    std::vector<std::unique_ptr<Worker>>& workers_;
    const PortPtr port_;
    const Socket socket_;
    bool is_shared_;
    daemons::LogThrottle pauses_;
    std::optional<net::Listener> listener_;  ///< none: the socket refuses clients
    daemons::LogThrottle failures_;
    net::Timer retry_;  ///< armed while it should listen and cannot
};

}  // namespace proxy
