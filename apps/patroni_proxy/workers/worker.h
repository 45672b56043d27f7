#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <unordered_map>
#include <vector>

#include "net/loop/event_loop.h"
#include "net/relay/relay.h"
#include "net/socket/socket_address.h"
#include "net/socket/unique_fd.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/port/port.h"
#include "patroni_proxy/port/port_server.h"

namespace proxy {

/// One thread with its loop, its share of every port's sessions and the buffer they borrow.
class Worker {
  public:
    /// `process` outlives it. `number` is its own in the process, for the ids of its sessions. Its
    /// relays use at most `pipes` pipes.
    explicit Worker(ProcessSessions& process, std::uint16_t number = 0,
                    std::size_t pipes = net::RelayBuffer::kPipes);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    void start();
    /// Ends the thread and waits for it. The sessions end with the worker.
    void stop();

    // Any thread.
    [[nodiscard]] net::EventLoop& loop() noexcept { return loop_; }
    /// Takes over a client of a port; closes the connection if the port is gone.
    void serve(PortId port, net::UniqueFd client, const net::SocketAddress& client_address);
    /// Sessions that it has or is about to get.
    [[nodiscard]] std::size_t load() const noexcept {
        return sessions_.load(std::memory_order_relaxed);
    }

    /// Runs it on the worker's thread, and returns when it is done. Not from a worker.
    void run(const std::function<void()>& task);

    // Loop thread only, or before the start.
    void add(const PortPtr& port, const PortSettingsPtr& settings);
    void use(PortId port, const PortSettingsPtr& settings);
    void use(PortId port, const BackendTablePtr& table);
    /// As PortServer::takes_clients(); false if there is no such port.
    [[nodiscard]] bool takes_clients(PortId port) const noexcept;
    /// A backend has reported that it accepts sessions.
    void try_held_sessions();
    /// A place on this port is free, or it is the turn of a client of this worker.
    void try_held_sessions(PortId port);
    /// Shows all sessions of these ports to `visit`, some at each turn of the loop, so that it is
    /// never busy with this for longer than half a millisecond at a time, as long as a visit takes
    /// microseconds. Then calls `done` with the CPU time that this took. A session that comes
    /// meanwhile may be left out, and one may be shown twice.
    void sweep(std::vector<PortId> ports, std::function<void(PortId, Session&)> visit,
               std::function<void(std::chrono::nanoseconds)> done);
    /// The session of that id, if it still is at that place of its port; null otherwise.
    [[nodiscard]] Session* find(PortId port, SessionId id, std::size_t place) noexcept;
    /// Null if there is no such port.
    [[nodiscard]] PortPtr port(PortId port) const;
    /// Ends its sessions.
    void remove(PortId port, SessionEnd end);
    /// The table in force; null if there is no such port.
    [[nodiscard]] BackendTablePtr table(PortId port) const;

    // For another process that goes on with the sessions: see PortServer. Nothing happens to a
    // port that there is not.
    void show_to_successor(PortId port, PortServer::AtOnce which, const PortServer::Shown& show,
                           PortServer::Others& others) const;
    void leave_to_successor(PortId port, PortServer::AtOnce which);
    void pass_some(PortId port, std::size_t most, const PortServer::Passed& pass);
    [[nodiscard]] PortTally tally_for_successor(PortId port) const;
    void adopt(PortId port, SessionState&& state, net::UniqueFd client, net::UniqueFd backend,
               Reservation reserved = {});
    void count_on(PortId port, const PortTally& tally);
    [[nodiscard]] SessionIds& ids() noexcept { return ids_; }

    [[nodiscard]] std::map<PortId, PortTally> tallies() const;
    /// See PortServer::take_counts().
    [[nodiscard]] std::map<PortId, PortTally> take_counts();

  private:
    struct Accepted {
        PortId port;
        net::UniqueFd client;
        net::SocketAddress address;
    };

    struct Sweep {
        std::vector<PortId> ports;  ///< the last one is under way
        std::size_t from;           ///< in it
        std::function<void(PortId, Session&)> visit;
        std::function<void(std::chrono::nanoseconds)> done;
        std::chrono::nanoseconds spent{0};
    };

    void go_on(const std::shared_ptr<Sweep>& sweep);
    void take_accepted();
    void serve_here(Accepted accepted);

    const std::size_t number_;
    net::EventLoop loop_;
    const std::unique_ptr<net::RelayBuffer> buffer_;
    ProcessSessions& process_;
    std::atomic<std::size_t> sessions_{0};
    SessionIds ids_;
    std::unordered_map<PortId, std::unique_ptr<PortServer>> ports_;
    std::mutex accepted_mutex_;
    std::vector<Accepted> accepted_;  // guarded by accepted_mutex_
    std::jthread thread_;             // last: it uses the others until it is joined
};

}  // namespace proxy
