#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "net/listener.h"
#include "patroni_proxy/worker.h"

namespace proxy {

/// Accepts the clients of one port and hands each to the worker with the fewest sessions: exactly
/// even, also when a thousand arrive at once (SO_REUSEPORT and EPOLLEXCLUSIVE were not).
/// Runs on the first worker's loop, whose own share needs no hand-over.
class Acceptor final : private net::AcceptHandler {
  public:
    /// Loop thread of the first worker. `workers` and `socket` outlive it.
    Acceptor(std::vector<std::unique_ptr<Worker>>& workers, std::size_t port, std::string label,
             const net::ListeningSocket& socket);
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;

    [[nodiscard]] const net::ListenAddress& address() const noexcept { return listener_.address(); }

  private:
    void on_accept(net::UniqueFd connection, const net::SocketAddress& peer) noexcept override;
    void on_accept_paused(int error) noexcept override;

    std::vector<std::unique_ptr<Worker>>& workers_;
    const std::size_t port_;
    const std::string label_;
    bool paused_ = false;
    net::Listener listener_;
};

}  // namespace proxy
