#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/log/log_throttle.h"
#include "net/loop/listener.h"
#include "net/socket/listening_socket.h"
#include "patroni_proxy/workers/worker.h"

namespace proxy {

/// Accepts the clients of one listening socket and hands each to the worker with the fewest
/// sessions. This is exactly even, also when a thousand arrive at once, unlike SO_REUSEPORT and
/// EPOLLEXCLUSIVE. Runs on the first worker's loop, whose own share needs no hand-over.
class Acceptor final : private net::AcceptHandler {
  public:
    using Socket = std::shared_ptr<const net::ListeningSocket>;

    /// Loop thread of the first worker. `workers` outlive it.
    Acceptor(std::vector<std::unique_ptr<Worker>>& workers, PortPtr port, Socket socket);
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;

    [[nodiscard]] const Port& port() const noexcept { return *port_; }
    [[nodiscard]] const Socket& socket() const noexcept { return socket_; }

  private:
    void on_accept(net::UniqueFd connection, const net::SocketAddress& peer) noexcept override;
    void on_accept_paused(int error) noexcept override;

    std::vector<std::unique_ptr<Worker>>& workers_;
    const PortPtr port_;
    const Socket socket_;
    daemons::LogThrottle pauses_;
    net::Listener listener_;
};

}  // namespace proxy
