#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/log/log_throttle.h"
#include "net/loop/event_loop.h"
#include "net/loop/relay.h"
#include "net/loop/timer.h"
#include "net/socket/socket_address.h"
#include "net/socket/unique_fd.h"
#include "patroni_proxy/backend/backend_picker.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/host/session_host.h"
#include "patroni_proxy/host/session_id.h"
#include "patroni_proxy/host/tally.h"
#include "patroni_proxy/port/held_sessions.h"
#include "patroni_proxy/port/port.h"
#include "patroni_proxy/session/session.h"

namespace proxy {

/// What a worker lends to its ports. All of it belongs to the worker and outlives them.
struct WorkerContext {
    net::EventLoop& loop;
    net::RelayBuffer& buffer;            ///< shared by its relays
    std::size_t number;                  ///< as Port::wake() knows it
    std::atomic<std::size_t>& sessions;  ///< counted up at the hand-over, down at the end of each
    SessionIds& ids;
    ProcessSessions& process;
};

/// One port on one worker: its current table and settings, and its own sessions. Loop thread only.
class PortServer final : public SessionHost {
  public:
    PortServer(WorkerContext worker, PortPtr port, PortSettingsPtr settings);

    /// The table is swapped first and sessions are cut second, so that none can begin on a member
    /// that is going away.
    void use(BackendTablePtr table);
    /// For open and new sessions; no client that was admitted is refused afterwards.
    void use(PortSettingsPtr settings);
    /// A backend accepts sessions again: held sessions may try.
    void try_held_sessions() { held_.try_soon(); }
    /// Whether it has a use for clients. Only a port with `no_backend: refuse` may have none.
    [[nodiscard]] bool takes_clients() const noexcept;
    void serve(net::UniqueFd client, const net::SocketAddress& client_address);
    void end_sessions(SessionEnd end);
    /// Shows sessions to `visit`, from place number `from` down, until the time `until`. Returns
    /// the place to go on from; 0 at the end. `visit` may end the session.
    [[nodiscard]] std::size_t visit(std::size_t from, net::TimerQueue::Clock::time_point until,
                                    const std::function<void(Session&)>& visit);
    /// The session with this id if it is still at this place; null otherwise.
    [[nodiscard]] Session* find(SessionId id, std::size_t place) noexcept;

    // For another process that goes on with its sessions.
    using Passed = std::function<void(SessionState&& state, Session::Descriptors sockets)>;
    /// Shows all that can go on elsewhere, and returns what was counted without them.
    [[nodiscard]] PortTally show_to_successor(const Passed& pass) const;
    /// Another process serves what was shown: nothing has happened since.
    void leave_to_successor();
    /// Goes on with a session of the process that this one succeeds.
    void adopt(SessionState&& state, net::UniqueFd client, net::UniqueFd backend);
    /// Counts on from there.
    void count_on(const PortTally& tally) { add(tally_, tally); }
    /// Ends the sessions that the table in force does not allow, for those that were adopted.
    void check_sessions() { use(table_); }

    /// What was counted so far, running sessions included.
    [[nodiscard]] PortTally tally() const;
    /// The same without the bytes of running sessions, so that none of them has to be visited.
    /// `longest_held` starts again at 0.
    [[nodiscard]] PortTally take_counts();
    [[nodiscard]] const PortPtr& port() const noexcept { return port_; }
    [[nodiscard]] const BackendTablePtr& table_in_force() const noexcept { return table_; }

  private:
    // SessionHost
    [[nodiscard]] std::optional<SessionEnd> admit(const net::SocketAddress& client) override;
    [[nodiscard]] Shortage take_place() override;
    void give_back_place() override;
    [[nodiscard]] Shortage shortage() const noexcept override;
    [[nodiscard]] bool anyone_waits() const noexcept override;
    [[nodiscard]] std::pair<Seat, Claim> claim(const std::vector<const Backend*>& tried) override;
    [[nodiscard]] std::optional<SessionEnd> hold(QueueEntry& entry) override;
    void leave_queue(QueueEntry& entry) override;
    [[nodiscard]] bool count_connection() override;
    void on_unreachable(const BackendPtr& backend, BackendState how,
                        const std::string& why) override;
    void on_overtaken(const BackendPtr& backend) override;
    void on_backend_end(const BackendPtr& backend) override;
    void on_closed(Session& session, SessionEnd end, std::string_view detail) override;

    [[nodiscard]] MemberTally& tally_of(const Backend& backend);
    void count_refused(const Session& session, SessionEnd end, std::string_view detail);
    Shortage lacks(Shortage shortage) noexcept;
    void forget_first_sessions(const BackendTable& next);
    void report_trouble(const BackendPtr& backend, Trouble trouble) const;
    void ask_readiness(const BackendPtr& backend) const;
    [[nodiscard]] Seat seat_for(const SessionState& state);
    void remove(Session& session);
    void arm_idle_timer();
    void end_idle_sessions();
    void give_back_memory();

    const WorkerContext worker_;
    const PortPtr port_;
    PortTally tally_;
    std::array<daemons::LogThrottle, kSessionEnds> refusal_lines_;
    std::vector<std::unique_ptr<Session>> sessions_;
    std::size_t most_sessions_ = 0;  ///< since memory was given back
    HeldSessions held_;
    net::Timer idle_timer_;
    std::size_t turn_ = 0;
};

}  // namespace proxy
