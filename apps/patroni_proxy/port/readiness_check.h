#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>

#include "net/loop/event_loop.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/port/port.h"

namespace proxy {

/// Asks backends whether they accept sessions, as pg_isready does, and keeps the answers in their
/// Reachability. A server that is starting or stopping takes the connect and then refuses the
/// session, which a client under TLS would see: nothing could be sent to another server instead.
///
/// There is one for the process, on one loop, so that a backend is asked once, however many workers
/// and ports need the answer: at once for a client that waits for it, less and less often while the
/// backend fails, and every few seconds if a port may use it and no session has connected since.
/// Loop thread only, except for ask(). Like every handler it outlives the batch of events it was
/// active in.
class ReadinessCheck {
  public:
    /// Between two questions to a backend that accepts sessions, or that has failed for long.
    /// PostgreSQL forks once for each.
    static constexpr std::chrono::milliseconds kInterval{5'000};

    /// `on_accepts`: a backend has begun to accept sessions; held sessions may try.
    ReadinessCheck(net::EventLoop& loop, std::function<void()> on_accepts,
                   std::chrono::milliseconds interval = kInterval);
    ReadinessCheck(const ReadinessCheck&) = delete;
    ReadinessCheck& operator=(const ReadinessCheck&) = delete;
    ~ReadinessCheck();

    /// Any thread. `port` needs the answer soon: for a client that waits, or since the backend
    /// began to fail.
    void ask(const BackendPtr& backend, const PortPtr& port);
    /// From now on watches the backends of this table for the port.
    void watch(const PortPtr& port, const BackendTablePtr& table);
    /// The port was removed: no trouble is reported to it anymore.
    void forget(PortId port);

  private:
    class Question;
    class Watch;

    struct Need {
        PortPtr port;
        BackendTablePtr table;
    };

    [[nodiscard]] Watch& watch_over(const BackendPtr& backend, const PortPtr& port);
    void watch_needed();
    /// A port that may use it; null if none may.
    [[nodiscard]] PortPtr who_needs(const Backend& backend) const;
    void dispose_of(const Backend* backend);

    net::EventLoop& loop_;
    const std::function<void()> on_accepts_;
    const std::chrono::milliseconds interval_;
    std::map<PortId, Need> needs_;
    std::map<const Backend*, std::unique_ptr<Watch>> watches_;
};

}  // namespace proxy
