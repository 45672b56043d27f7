#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/loop/event_loop.h"
#include "net/relay/relay.h"
#include "net/socket/socket_address.h"
#include "patroni_proxy/backend/backend_picker.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/host/port_settings.h"
#include "patroni_proxy/host/queue_entry.h"
#include "patroni_proxy/host/seat.h"
#include "patroni_proxy/host/session_end.h"
#include "patroni_proxy/host/shortage.h"

namespace proxy {

class Session;

/// What a session needs from the port that accepted it. Outlives its sessions.
/// Loop thread only. Called for what happens once in a session, never for its bytes.
class SessionHost {
  public:
    SessionHost(const SessionHost&) = delete;
    SessionHost& operator=(const SessionHost&) = delete;

    // What a session may read.
    [[nodiscard]] net::EventLoop& loop() const noexcept { return loop_; }
    /// Shared by all relays of the loop.
    [[nodiscard]] net::RelayBuffer& buffer() const noexcept { return buffer_; }
    /// "cluster/port", for messages.
    [[nodiscard]] const std::string& label() const noexcept { return label_; }
    [[nodiscard]] const PortSettings& settings() const noexcept { return *settings_; }
    [[nodiscard]] const BackendTable& table() const noexcept { return *table_; }

    // What it asks for.
    /// Counts the client in; the reason if it is refused. on_closed() counts it out again.
    [[nodiscard]] virtual std::optional<SessionEnd> admit(const net::SocketAddress& client) = 0;
    /// A place of `max_connections`; without one a limit has been reached. on_closed() gives it
    /// back if the session still has it.
    [[nodiscard]] virtual Shortage take_place() = 0;
    virtual void give_back_place() = 0;
    /// What those who wait lack, as far as it is a place.
    [[nodiscard]] virtual Shortage shortage() const noexcept = 0;
    /// Whether a new client has to queue up behind others.
    [[nodiscard]] virtual bool anyone_waits() const noexcept = 0;
    /// A seat on a backend that is not in `tried`. If there is none, it is empty, and the claim
    /// says why.
    [[nodiscard]] virtual std::pair<Seat, Claim> claim(
        const std::vector<const Backend*>& tried) = 0;
    /// Puts it into the queue, or back into its place there; the reason if it is refused.
    [[nodiscard]] virtual std::optional<SessionEnd> hold(QueueEntry& entry) = 0;
    /// Does nothing if it is not in the queue.
    virtual void leave_queue(QueueEntry& entry) = 0;
    /// Counts one more connection of the process, if there is room for it. on_closed() counts down
    /// as many as the session says.
    [[nodiscard]] virtual bool count_connection() = 0;

    // What it reports.
    /// A backend refused a connect or a session, or did not answer.
    virtual void on_unreachable(const BackendPtr& backend, BackendState how,
                                const std::string& why) = 0;
    /// A backend was so slow that another one was connected instead.
    virtual void on_overtaken(const BackendPtr& backend) = 0;
    /// A backend has ended the session, which frees its seat.
    virtual void on_backend_end(const BackendPtr& backend) = 0;
    /// The session is over: the host counts it, and disposes of it once the current event has been
    /// handled.
    virtual void on_closed(Session& session, SessionEnd end, std::string_view detail) = 0;

  protected:
    /// Borrows all but the settings.
    SessionHost(net::EventLoop& loop, net::RelayBuffer& buffer, const std::string& label,
                PortSettingsPtr settings)
        : settings_(std::move(settings)), loop_(loop), buffer_(buffer), label_(label) {}
    ~SessionHost() = default;

    PortSettingsPtr settings_;
    BackendTablePtr table_ = std::make_shared<const BackendTable>();

  private:
    net::EventLoop& loop_;
    net::RelayBuffer& buffer_;
    const std::string& label_;
};

}  // namespace proxy
