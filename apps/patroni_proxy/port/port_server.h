#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/log/log_throttle.h"
#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "net/relay/relay.h"
#include "net/socket/socket_address.h"
#include "net/socket/unique_fd.h"
#include "patroni_proxy/backend/backend_picker.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/host/session_host.h"
#include "patroni_proxy/host/session_id.h"
#include "patroni_proxy/host/tally.h"
#include "patroni_proxy/port/held_sessions.h"
#include "patroni_proxy/port/port.h"
#include "patroni_proxy/port/reservations.h"
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
    using Shown = std::function<void(SessionState&& state, Session::Descriptors sockets)>;
    using Passed = std::function<void(SessionState&& state, net::Relay::Sockets sockets)>;
    /// Which sessions pass at once.
    enum class AtOnce : std::uint8_t {
        all,
        undecided,  ///< all but those that only relay
    };
    /// What the others occupy.
    struct Others {
        std::uint64_t sessions = 0;  ///< with a place
        std::map<BackendPtr, std::uint64_t> connections{};
    };
    /// Shows those that can go on elsewhere.
    void show_to_successor(AtOnce which, const Shown& show, Others& others) const;
    /// Another process serves what was shown: nothing has happened since.
    void leave_to_successor(AtOnce which);
    /// Lets go of at most so many that can go on elsewhere; fewer if they have much to send yet.
    void pass_some(std::size_t most, const Passed& pass);
    /// What was counted, without what sessions count that can go on elsewhere.
    [[nodiscard]] PortTally tally_for_successor() const;
    /// Goes on with a session of another process, unless the table in force does not allow it.
    void adopt(SessionState&& state, net::UniqueFd client, net::UniqueFd backend,
               Reservation reserved = {});
    /// Counts on from there.
    void count_on(const PortTally& tally) { add(tally_, tally); }

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
    void keep_or_cut(Session& session);
    [[nodiscard]] Seat seat_for(const SessionState& state, BackendPtr reserved);
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
