#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/event_loop.h"
#include "net/relay.h"
#include "net/socket_address.h"
#include "net/unique_fd.h"
#include "patroni_proxy/backend_table.h"
#include "patroni_proxy/port_server.h"

namespace proxy {

/// One thread with its loop, its share of every port's sessions and the buffer they borrow.
class Worker {
  public:
    /// `ports`: the labels of all ports, in the order that the indexes below refer to.
    explicit Worker(const std::vector<std::string>& ports);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker();

    void start();
    /// Waits for the thread. Its sessions end with the worker.
    void stop();

    // Any thread.
    [[nodiscard]] net::EventLoop& loop() noexcept { return loop_; }
    /// Takes over a connection of a port.
    void serve(std::size_t port, net::UniqueFd client, const net::SocketAddress& client_address);
    /// Sessions it has or is about to get.
    [[nodiscard]] std::size_t load() const noexcept {
        return sessions_.load(std::memory_order_relaxed);
    }

    // Loop thread only.
    void use(std::size_t port, BackendTablePtr table);

  private:
    struct Accepted {
        std::size_t port;
        net::UniqueFd client;
        net::SocketAddress address;
    };

    void take_accepted();

    net::EventLoop loop_;
    const std::unique_ptr<net::RelayBuffer> buffer_;
    std::atomic<std::size_t> sessions_{0};
    std::deque<PortServer> ports_;
    std::mutex accepted_mutex_;
    std::vector<Accepted> accepted_;  // guarded by accepted_mutex_
    std::thread thread_;
};

}  // namespace proxy
