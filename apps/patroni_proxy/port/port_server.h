#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/log/log_throttle.h"
#include "net/loop/event_loop.h"
#include "net/loop/relay.h"
#include "net/loop/timer.h"
#include "net/socket/socket_address.h"
#include "net/socket/unique_fd.h"
#include "patroni_proxy/backend/backend_picker.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/port/held_sessions.h"
#include "patroni_proxy/port/port.h"
#include "patroni_proxy/session/session.h"
#include "patroni_proxy/session/tally.h"

namespace proxy {

/// What a worker lends to its ports. All of it belongs to the worker and outlives them.
struct WorkerContext {
    net::EventLoop& loop;
    net::RelayBuffer& buffer;            ///< shared by its relays
    std::atomic<std::size_t>& sessions;  ///< counted up by who hands one over, down at its end
    ProcessSessions& process;
};

/// One port on one worker: its current table and settings, and its own sessions. Loop thread only.
class PortServer {
  public:
    PortServer(WorkerContext worker, PortPtr port, PortSettingsPtr settings);
    PortServer(const PortServer&) = delete;
    PortServer& operator=(const PortServer&) = delete;

    /// The table is swapped first and sessions are cut second, so that none can begin on a member
    /// that is going away.
    void use(BackendTablePtr table);
    /// For the sessions that it has and those to come; nobody who is in is refused any more.
    void use(PortSettingsPtr settings);
    /// A backend has said that it accepts sessions: those who are held may try.
    void on_chance() { held_.on_chance(); }
    void serve(net::UniqueFd client, const net::SocketAddress& client_address);
    void end_sessions(SessionEnd end);
    /// What was counted so far, running sessions included.
    [[nodiscard]] PortTally tally() const;

    // For its sessions.
    /// Counts it in, and says why it is refused, if it is.
    [[nodiscard]] std::optional<SessionEnd> admit(const net::SocketAddress& client);
    /// Keeps its place for it until there is a backend, or says why it is refused.
    [[nodiscard]] std::optional<SessionEnd> hold(Session& session);
    /// Whether a client that has just come has to wait for its turn.
    [[nodiscard]] bool anyone_waits() const noexcept {
        return settings_->queue_timeout.count() != 0 && held_.anyone_waits();
    }
    /// It has got through, or will be held no longer.
    void leave_queue(Session& session) { held_.leave(session); }
    [[nodiscard]] Claim claim(const std::vector<const Backend*>& tried);
    [[nodiscard]] MemberTally& tally_of(const Backend& backend);
    void note_unreachable(const BackendPtr& backend, Reach how, const std::string& why);
    /// A client that it kept waiting has been connected to another.
    void note_overtaken(const BackendPtr& backend) const;
    void note_refused(SessionEnd end, const std::string& client, std::string_view detail);
    /// On a backend that may have been full.
    void on_place_freed();
    /// It has ended a session.
    void note_ended(const BackendPtr& backend) const;
    /// Those that may run what a client of the port wants to be cancelled, draining ones included:
    /// first those that have sessions here, and then those that may have some by another proxy.
    [[nodiscard]] std::vector<BackendPtr> cancel_targets() const;
    /// One that belongs to no session of its own counts as one of the process, if there is room.
    [[nodiscard]] bool count_connection();
    void discount_connections(std::uint64_t count);
    void on_closed(Session& session);
    [[nodiscard]] net::EventLoop& loop() noexcept { return worker_.loop; }
    [[nodiscard]] net::RelayBuffer& buffer() noexcept { return worker_.buffer; }
    [[nodiscard]] const PortPtr& port() const noexcept { return port_; }
    [[nodiscard]] const std::string& label() const noexcept { return port_->label; }
    [[nodiscard]] const BackendTable& table() const noexcept { return *table_; }
    [[nodiscard]] const PortSettings& settings() const noexcept { return *settings_; }

  private:
    void arm_idle_timer();
    void end_idle_sessions();
    void give_back_memory();
    void tell_trouble(const BackendPtr& backend, Trouble trouble) const;
    void ask_readiness(const BackendPtr& backend) const;

    const WorkerContext worker_;
    const PortPtr port_;
    PortSettingsPtr settings_;
    BackendTablePtr table_;
    PortTally tally_;
    std::array<daemons::LogThrottle, kSessionEnds> refusal_lines_;
    std::vector<std::unique_ptr<Session>> sessions_;
    std::size_t most_sessions_ = 0;  ///< since memory was given back
    HeldSessions held_;
    net::Timer idle_timer_;
    std::size_t turn_ = 0;
};

}  // namespace proxy
