#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>

#include "net/loop/event_loop.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/port/port.h"

namespace proxy {

/// Asks backends whether they accept sessions, as pg_isready does, and keeps what they say in their
/// Reachability: a server that starts or stops takes the connect and then refuses the session,
/// which a client that is led there under TLS could not be spared.
///
/// One for the process, on one loop, so that however many workers and ports need a backend it is
/// asked once: at once for a client that waits for its word, at a slowing pace while it fails, and
/// every few seconds where a port may use it and no session has connected meanwhile.
/// Loop thread only, but for ask(). Like every handler it outlives the batch of events it was
/// active in.
class ReadinessCheck {
  public:
    /// Between two looks at one that accepts sessions, or that has failed for long. PostgreSQL
    /// forks once for each.
    static constexpr std::chrono::milliseconds kLook{5'000};

    /// `on_accepts`: one that was in doubt has said yes; whoever waits for a backend may try.
    ReadinessCheck(net::EventLoop& loop, std::function<void()> on_accepts,
                   std::chrono::milliseconds look = kLook);
    ReadinessCheck(const ReadinessCheck&) = delete;
    ReadinessCheck& operator=(const ReadinessCheck&) = delete;
    ~ReadinessCheck();

    /// Any thread. `port` needs its word soon: for a client that waits, or since it began to fail.
    void ask(const BackendPtr& backend, const PortPtr& port);
    /// What the port may use from now on is looked at.
    void watch(const PortPtr& port, const BackendTablePtr& table);
    void forget(PortId port);

  private:
    class Question;
    class Watch;

    struct Need {
        PortPtr port;
        BackendTablePtr table;
    };

    [[nodiscard]] Watch& watch_over(const BackendPtr& backend, const PortPtr& port);
    void look_at_needed();
    /// A port that may use it; null if none may.
    [[nodiscard]] PortPtr who_needs(const Backend& backend) const;
    void dispose_of(const Backend* backend);

    net::EventLoop& loop_;
    const std::function<void()> on_accepts_;
    const std::chrono::milliseconds look_;
    std::map<PortId, Need> needs_;
    std::map<const Backend*, std::unique_ptr<Watch>> watches_;
};

}  // namespace proxy
