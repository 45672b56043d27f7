#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/loop/event_loop.h"
#include "net/loop/relay.h"
#include "net/socket/socket_address.h"
#include "net/socket/unique_fd.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/port/held_sessions.h"
#include "patroni_proxy/postgres/startup.h"
#include "patroni_proxy/session/cancel_request.h"
#include "patroni_proxy/session/connect_race.h"
#include "patroni_proxy/session/refusal.h"
#include "patroni_proxy/session/session_end.h"
#include "patroni_proxy/session/tally.h"

namespace proxy {

class PortServer;

/// One client from accept to close: it is let in or refused, chooses a backend, connects, and
/// relays. A backend that cannot be reached, or on a port that holds clients one that does not
/// accept the session, makes it try the next one, since the client has seen nothing yet; where none
/// is left it is refused, or held until there is one.
/// Loop thread only; owned by its PortServer, which is told of the end and then disposes of it.
class Session final : public RaceOwner, public net::RelayOwner, public RefusalOwner {
  public:
    enum class State : std::uint8_t {
        accepted,
        preface,
        holding,
        connecting,
        relaying,
        closing,
        refusing,
        cancelling,
        closed,
    };

    Session(PortServer& port, net::UniqueFd client, const net::SocketAddress& client_address);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    /// May end the session before it returns.
    void start() noexcept;
    /// Its backend may no longer serve. On a port that holds clients one that is not answered yet
    /// tries the next, since the client has seen nothing; any other ends, and the backend sees a
    /// reset.
    void leave_backend(std::string_view why) noexcept;
    /// One that has no backend yet connects to none that may no longer serve.
    void leave_ineligible() noexcept;
    /// One that is held chooses anew; false if it still finds no backend.
    [[nodiscard]] bool try_again() noexcept;
    /// Refuses it, with what is known of the backends; it leaves the queue at once.
    void give_up(SessionEnd end) noexcept;
    /// Ends it, whatever it is doing.
    void end(SessionEnd end) noexcept;
    /// Called at equal intervals: whether no byte has moved for `rounds` of them.
    [[nodiscard]] bool idle_for(unsigned rounds) noexcept;
    /// The intervals have another length from now on.
    void forget_idleness() noexcept;

    /// Kept from the end of the backend on, for the record.
    [[nodiscard]] const Backend* backend() const noexcept { return backend_.get(); }
    /// Whether it counts among its backend's connections.
    [[nodiscard]] bool has_place() const noexcept { return tally_ != nullptr; }
    [[nodiscard]] std::chrono::steady_clock::time_point accepted_at() const noexcept {
        return accepted_at_;
    }
    /// Whether it has, or had, a connection to a backend.
    [[nodiscard]] bool was_connected() const noexcept { return relay_.has_value(); }
    /// Until then its bytes may be said to another backend, and have not been moved.
    [[nodiscard]] bool is_settled() const noexcept { return !startup_; }
    [[nodiscard]] std::uint64_t bytes_from_client() const noexcept;
    [[nodiscard]] std::uint64_t bytes_from_backend() const noexcept;

    /// Where it stands in its PortServer's list; for the PortServer alone.
    std::size_t index = 0;
    /// By which list of roles it came to its backend; the PortServer may make it a regular one.
    Admission admission = Admission::regular;
    /// In the queue of its port; for HeldSessions alone.
    Place place = Place::none;

  private:
    /// What is needed until a backend serves it, and released then: an idle session is small.
    struct Attempt final : net::EventHandler {
        explicit Attempt(Session& its_session);
        /// Of the client of a session that is held.
        void on_event(std::uint32_t events) noexcept override { session.on_held_event(events); }

        Session& session;
        ConnectRace race;
        // How it is refused, if it is.
        SessionEnd end = SessionEnd::no_backend;
        std::string why;
        std::optional<Refusal> refusal;
        std::optional<CancelRequest> cancel_request;
    };

    void enter(State state) noexcept;
    void connect_to_next() noexcept;
    void hold() noexcept;
    void end_attempt() noexcept;
    void watch_held(std::uint32_t events) noexcept;
    void on_held_event(std::uint32_t events) noexcept;
    void on_not_ready(const std::string& answer) noexcept;
    /// `own`: its connection to a backend, which has seen all but `rest`.
    void pass_on_cancel(const std::string& request, net::UniqueFd own,
                        const std::string& rest) noexcept;
    [[nodiscard]] std::vector<BackendPtr> cancel_targets() const;
    /// Its client has seen nothing of the server, and what it said can be said to another.
    [[nodiscard]] bool is_unanswered() const noexcept;
    void take(Seat seat) noexcept;
    void leave() noexcept;
    void free_place() noexcept;
    void close(SessionEnd end, std::string_view detail = {}) noexcept;
    void log_end(SessionEnd end, std::string_view detail) const;
    [[nodiscard]] std::string client_name() const;
    [[nodiscard]] std::string why_no_backend() const;
    [[nodiscard]] std::string refusal_text(SessionEnd end, const std::string& why) const;
    void refuse(SessionEnd end, const std::string& why) noexcept;
    void on_race_won(Seat seat, net::UniqueFd connection) noexcept override;
    void on_race_lost() noexcept override;
    void on_own_trouble(const BackendPtr& backend, int error) noexcept override;
    net::Inspection inspect(net::RelaySide from,
                            std::span<const std::byte> bytes) noexcept override;
    void on_backend_end() noexcept override;
    void on_relay_end(net::RelayEnd end) noexcept override;
    void on_refused() noexcept override;
    void on_refused_cancel(const std::string& request) noexcept override;

    PortServer& port_;
    net::UniqueFd client_;  // until the relay owns it
    net::SocketAddress client_address_;
    net::SocketAddress own_address_;  ///< towards the backend, as that one's log names us
    const std::chrono::steady_clock::time_point accepted_at_ = std::chrono::steady_clock::now();
    State state_ = State::accepted;
    std::uint8_t idle_rounds_ = 0;
    std::uint8_t counted_connections_ = 0;  ///< of its cancel request, as sessions of the process
    /// By idle_for(); none yet, so that its first look finds every session busy.
    std::uint64_t bytes_seen_ = std::numeric_limits<std::uint64_t>::max();
    BackendPtr backend_;
    MemberTally* tally_ = nullptr;  // as long as it counts in the connections of the backend
    std::unique_ptr<Attempt> attempt_;
    std::unique_ptr<Startup> startup_;  // as long as there is something to be learned from it
    std::optional<net::Relay> relay_;
};

}  // namespace proxy
