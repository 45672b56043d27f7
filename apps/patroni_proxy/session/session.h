#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/loop/event_loop.h"
#include "net/relay/relay.h"
#include "net/socket/socket_address.h"
#include "net/socket/unique_fd.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/host/queue_entry.h"
#include "patroni_proxy/host/seat.h"
#include "patroni_proxy/host/session_end.h"
#include "patroni_proxy/host/session_host.h"
#include "patroni_proxy/host/session_id.h"
#include "patroni_proxy/host/session_state.h"
#include "patroni_proxy/host/shortage.h"
#include "patroni_proxy/postgres/client_names.h"
#include "patroni_proxy/postgres/postgres_messages.h"
#include "patroni_proxy/postgres/startup.h"
#include "patroni_proxy/session/cancel_request.h"
#include "patroni_proxy/session/connect_race.h"
#include "patroni_proxy/session/header_reader.h"
#include "patroni_proxy/session/held_client.h"
#include "patroni_proxy/session/refusal.h"
#include "patroni_proxy/session/selection/session_record.h"

namespace proxy {

/// One client from accept to close: it may say by a header on whose behalf it comes, is admitted or
/// refused, chooses a backend, connects, and
/// relays. If a backend cannot be reached, the session tries the next one, since the client has
/// seen nothing yet; on a port that holds clients it does so too if a backend does not accept the
/// session. Without a backend left it is refused, or held until there is one.
/// Loop thread only; owned by its host, which disposes of it after SessionHost::on_closed().
class Session final : public net::RelayOwner {
  public:
    enum class State : std::uint8_t {
        accepted,
        reading_header,
        admission_check,
        holding,
        connecting,
        relaying,
        closing,
        refusing,
        cancelling,
        closed,
    };

    Session(SessionHost& port, SessionId id, net::UniqueFd client,
            const net::SocketAddress& client_address,
            std::chrono::steady_clock::time_point accepted_at = std::chrono::steady_clock::now());
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    /// May end the session before it returns.
    void start() noexcept;
    /// The session's backend may no longer serve. If the port holds clients and the client has seen
    /// no answer yet, the session tries the next backend; otherwise it ends, and the backend sees a
    /// reset.
    void leave_backend(std::string_view why) noexcept;
    /// A session without a backend connects to none that may no longer serve.
    void leave_ineligible() noexcept;
    /// Its backend now serves by `roles`, even if it served by `fallback_roles` when the session
    /// began.
    void now_by_roles() noexcept { seat_.now_by_roles(); }
    /// Ends it, whatever it is doing.
    void end(SessionEnd end) noexcept;
    /// Ends it for an operator, whom `detail` names. If it is in clear text and PostgreSQL awaits a
    /// query, the client gets an error (57P01) and the server a Terminate; otherwise it ends as by
    /// end(). Returns false if it is ending already.
    bool close_by_operator(std::string_view detail) noexcept;
    /// The same, but only if PostgreSQL awaits a query; otherwise returns false, and the session
    /// goes on. `end` is closed_by_operator or proxy_stopped.
    [[nodiscard]] bool close_between_queries(
        std::string_view detail, SessionEnd end = SessionEnd::closed_by_operator) noexcept;

    [[nodiscard]] SessionId id() const noexcept { return id_; }
    /// It has a backend, and nobody has ended it yet.
    [[nodiscard]] bool is_relaying() const noexcept {
        return state_ == State::relaying && !closed_by_;
    }
    /// As in SessionRecord.
    [[nodiscard]] std::optional<bool> is_busy() const noexcept;
    /// Time since the last byte from either side, to a hundredth of a second; since the accept
    /// while there is no backend.
    [[nodiscard]] std::chrono::milliseconds idle() const noexcept;
    /// Since its accept.
    [[nodiscard]] std::chrono::duration<double> age() const noexcept {
        return std::chrono::steady_clock::now() - accepted_at_;
    }
    /// All but its cluster and port.
    [[nodiscard]] SessionRecord record();

    /// Stays set after the backend has ended, for logs and counts.
    [[nodiscard]] const Backend* backend() const noexcept { return seat_.backend().get(); }
    [[nodiscard]] const BackendPtr& shared_backend() const noexcept { return seat_.backend(); }
    [[nodiscard]] ServedBy served_by() const noexcept { return seat_.served_by(); }
    /// Whether it counts among its backend's connections.
    [[nodiscard]] bool has_seat() const noexcept { return seat_.is_taken(); }
    /// Whether it has, or had, a connection to a backend.
    [[nodiscard]] bool was_connected() const noexcept { return relay_.has_value(); }
    /// Whether it counts in `max_connections`.
    [[nodiscard]] bool has_place() const noexcept { return has_place_; }
    /// The client left while it was held.
    [[nodiscard]] bool gave_up() const noexcept { return gave_up_; }
    /// Before that, the startup packet may be replayed to another backend and is not counted.
    [[nodiscard]] bool is_settled() const noexcept { return !startup_; }
    [[nodiscard]] std::uint64_t bytes_from_client() const noexcept;
    [[nodiscard]] std::uint64_t bytes_from_backend() const noexcept;
    /// Connections beyond its own that it has counted by SessionHost::count_connection().
    [[nodiscard]] std::uint64_t counted_connections() const noexcept;
    [[nodiscard]] std::string client_name() const;

    // For another process that goes on with it.
    /// Otherwise it stays here until it ends, within seconds: it is being refused, or is a cancel
    /// request.
    [[nodiscard]] bool is_passable() const noexcept;
    /// It moves bytes between two sides, and nothing else is left to decide: it can pass later.
    [[nodiscard]] bool only_relays() const noexcept {
        return (state_ == State::relaying || state_ == State::closing) && !startup_;
    }
    [[nodiscard]] bool is_queued() const noexcept {
        return attempt_ && attempt_->place != QueueEntry::Place::none;
    }
    /// All that it is, if it is passable. Between two events.
    [[nodiscard]] SessionState state();
    struct Descriptors {
        int client = -1;
        int backend = -1;
    };
    /// Borrowed.
    [[nodiscard]] Descriptors descriptors() const noexcept;
    /// Another process serves it: lets go of its sockets without a trace. The host disposes of it.
    net::Relay::Sockets leave_to_successor() noexcept;
    /// Instead of start(): goes on from that state. Its host has counted it in, with its place if
    /// it has one. `backend`: unset unless it was relaying. May end the session before it returns.
    void resume(SessionState&& state, Seat seat, net::UniqueFd backend) noexcept;

    /// Its position in its host's list. For the host only.
    std::uint32_t index = 0;

  private:
    /// What a session needs until a backend serves it. Released then: an idle session is small.
    struct Attempt final : QueueEntry, HeaderOwner, RaceOwner, HeldClientOwner, RefusalOwner {
        explicit Attempt(Session& its_session);
        /// Adds the time since it was last called to what the session has spent in its state.
        void note_time() noexcept;
        [[nodiscard]] bool try_again() noexcept override;
        void give_up(SessionEnd end) noexcept override;
        void on_header(const ProxyHeader& header) noexcept override;
        void on_no_header(std::string_view problem) noexcept override;
        void on_race_won(Seat seat, net::UniqueFd connection) noexcept override;
        void on_race_lost() noexcept override;
        void on_own_trouble(const BackendPtr& backend, int error) noexcept override;
        void on_held_end(SessionEnd end, std::string_view detail) noexcept override;
        void on_held_cancel(const std::string& request) noexcept override;
        void on_refused() noexcept override;
        void on_refused_cancel(const std::string& request) noexcept override;

        Session& session;
        Clock::time_point noted_at = Clock::now();
        std::optional<HeaderReader> header;
        net::SocketAddress destination;  ///< that the client had connected to
        ConnectRace race;
        HeldClient held;
        Shortage shortage = Shortage::none;  ///< if it found no place
        // How it is refused, if it is.
        SessionEnd refusal_end = SessionEnd::no_backend;
        std::string why;
        std::optional<Refusal> refusal;
        std::optional<CancelRequest> cancel_request;
    };

    void enter(State state) noexcept;
    void read_header(std::string begun = {}) noexcept;
    void begin() noexcept;
    void resume_relay(SessionState& state, net::UniqueFd backend) noexcept;
    void connect_to_next() noexcept;
    [[nodiscard]] bool take_place() noexcept;
    void give_back_place() noexcept;
    void hold() noexcept;
    void end_attempt() noexcept;
    void relay_over(net::UniqueFd connection) noexcept;
    void on_not_ready(const std::string& answer) noexcept;
    /// `own`: its connection to a backend, which has received everything but `rest`.
    void pass_on_cancel(const std::string& request, net::UniqueFd own,
                        const std::string& rest) noexcept;
    [[nodiscard]] std::vector<BackendPtr> cancel_targets() const;
    /// The client has seen nothing of the server, and its startup packet can be sent to another.
    [[nodiscard]] bool is_unanswered() const noexcept;
    void note_names() noexcept;
    [[nodiscard]] std::string rewritten_request() const;
    void end_relay(SessionEnd end, std::string_view detail = {}) noexcept;
    void close(SessionEnd end, std::string_view detail = {}) noexcept;
    void refuse(SessionEnd end, const std::string& why,
                std::string_view sqlstate = kCannotConnectNow) noexcept;
    net::Inspection inspect(net::RelaySide from,
                            std::span<const std::byte> bytes) noexcept override;
    void on_backend_end() noexcept override;
    void on_relay_end(net::RelayEnd end) noexcept override;

    /// An operator, or the end of the proxy, has ended it, and its last message is on its way.
    struct ClosedBy {
        SessionEnd end;
        std::string detail;
    };

    SessionHost& port_;
    const SessionId id_;
    net::UniqueFd client_;  // until the relay owns it
    net::SocketAddress client_address_;
    State state_ = State::accepted;
    bool has_place_ = false;
    bool gave_up_ = false;
    const std::chrono::steady_clock::time_point accepted_at_;
    // Seconds, in few bytes.
    float held_ = 0;
    float connecting_ = 0;
    ClientNames names_;
    std::unique_ptr<const ClosedBy> closed_by_;
    Seat seat_;
    std::unique_ptr<Attempt> attempt_;
    std::unique_ptr<Startup> startup_;  // while there is something to learn from it
    std::optional<net::Relay> relay_;
};

}  // namespace proxy
