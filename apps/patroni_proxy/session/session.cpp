#include "patroni_proxy/session/session.h"

#include <array>
#include <cerrno>
#include <string>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <system_error>
#include <tuple>
#include <utility>

#include "daemon/log/log.h"
#include "patroni_proxy/port/port_server.h"
#include "patroni_proxy/postgres/postgres_messages.h"

namespace proxy {
namespace {

SessionEnd session_end_of(net::RelayEnd end) {
    switch (end) {
        case net::RelayEnd::client_closed:
            return SessionEnd::client_closed;
        case net::RelayEnd::backend_closed:
            return SessionEnd::backend_closed;
        case net::RelayEnd::client_failed:
            return SessionEnd::client_failed;
        case net::RelayEnd::backend_failed:
            return SessionEnd::backend_failed;
        case net::RelayEnd::out_of_resources:
            return SessionEnd::out_of_resources;
    }
    return SessionEnd::out_of_resources;
}

std::string_view name_of(Session::State state) {
    switch (state) {
        case Session::State::accepted:
            return "accepted";
        case Session::State::preface:
            return "in its preface";
        case Session::State::holding:
            return "held";
        case Session::State::connecting:
            return "connecting";
        case Session::State::relaying:
            return "relaying";
        case Session::State::closing:
            return "closing";
        case Session::State::refusing:
            return "being refused";
        case Session::State::cancelling:
            return "a cancel request";
        case Session::State::closed:
            return "closed";
    }
    return "?";
}

}  // namespace

Session::Attempt::Attempt(Session& its_session)
    : session(its_session), race(its_session.port_, its_session) {}

Session::Session(PortServer& port, net::UniqueFd client, const net::SocketAddress& client_address)
    : port_(port), client_(std::move(client)), client_address_(client_address) {}

Session::~Session() {
    leave();
}

void Session::start() noexcept {
    enter(State::preface);
    if (const auto refusal = port_.admit(client_address_))
        return close(*refusal);
    attempt_ = std::make_unique<Attempt>(*this);
    // Only where it can be held meanwhile can it be sent to another backend.
    startup_ = std::make_unique<Startup>(port_.settings().queue_timeout.count() != 0);
    // Nobody overtakes those who wait.
    if (port_.anyone_waits())
        return hold();
    connect_to_next();
}

bool Session::try_again() noexcept {
    attempt_->race.forget_tried();
    connect_to_next();
    return state_ == State::connecting;
}

void Session::give_up(SessionEnd end) noexcept {
    std::string why = why_no_backend();
    if (end == SessionEnd::queue_timeout) {
        const std::chrono::duration<double> waited =
            std::chrono::steady_clock::now() - accepted_at_;
        why = "after " + std::to_string(waited.count()) + " s: " + why;
    }
    refuse(end, why);
}

/// Tells the client, where the port tells its clients anything.
void Session::refuse(SessionEnd end, const std::string& why) noexcept {
    attempt_->race.cancel();
    leave();
    port_.leave_queue(*this);
    const bool tells = port_.settings().no_backend == NoBackend::postgres_error;
    // Without anything to say, or to cancel, the client need not be heard.
    if (!tells && cancel_targets().empty())
        return close(end, why);
    enter(State::refusing);
    attempt_->end = end;
    attempt_->why = why;
    attempt_->refusal.emplace(port_.loop(), client_.get(), tells ? refusal_text(end, why) : "",
                              *this);
    attempt_->refusal->start(*startup_);
}

std::string Session::refusal_text(SessionEnd end, const std::string& why) const {
    return fatal_error(kCannotConnectNow, std::string(describe(end)) + " for " + port_.label() +
                                              " (roles: " + port_.settings().roles + "): " + why);
}

void Session::on_refused() noexcept {
    close(attempt_->end, attempt_->why);
}

void Session::on_refused_cancel(const std::string& request) noexcept {
    pass_on_cancel(request, {}, {});
}

void Session::leave_backend(std::string_view why) noexcept {
    if (is_unanswered()) {
        client_ = relay_->release().client;
        return connect_to_next();
    }
    if (relay_)
        relay_->abort();
    close(SessionEnd::member_out, why);
}

void Session::leave_ineligible() noexcept {
    if (state_ == State::connecting && !attempt_->race.keep_eligible())
        connect_to_next();
}

void Session::end(SessionEnd end) noexcept {
    if (relay_)
        relay_->abort();
    close(state_ == State::closing ? session_end_of(*relay_->end()) : end);
}

bool Session::idle_for(unsigned rounds) noexcept {
    if (state_ != State::relaying)
        return false;
    const std::uint64_t bytes = bytes_from_client() + bytes_from_backend();
    idle_rounds_ = std::exchange(bytes_seen_, bytes) == bytes
                       ? static_cast<std::uint8_t>(idle_rounds_ + 1)
                       : std::uint8_t{0};
    return idle_rounds_ >= rounds;
}

/// A server that hangs takes connections all the same, for its kernel does.
bool Session::is_unanswered() const noexcept {
    return state_ == State::relaying && startup_ && startup_->keeps();
}

void Session::forget_idleness() noexcept {
    idle_rounds_ = 0;
}

/// Once the relay has given the client back, what it had moved was in vain, and is of no member.
std::uint64_t Session::bytes_from_client() const noexcept {
    return relay_ && !client_ ? relay_->bytes_from_client() : 0;
}

std::uint64_t Session::bytes_from_backend() const noexcept {
    return relay_ && !client_ ? relay_->bytes_from_backend() : 0;
}

void Session::enter(State state) noexcept {
    state_ = state;
    daemons::log::debug([&] {
        return port_.label() + ": client " + client_name() + " is " + std::string(name_of(state)) +
               (backend_ ? " on " + backend_->member : "");
    });
}

void Session::take(Seat seat) noexcept {
    admission = seat.admission();
    std::tie(backend_, tally_) = seat.take();
}

void Session::leave() noexcept {
    free_place();
    backend_.reset();
}

void Session::free_place() noexcept {
    if (!tally_)
        return;
    backend_->connections.fetch_sub(1, std::memory_order_relaxed);
    --tally_->sessions;
    tally_ = nullptr;
}

void Session::connect_to_next() noexcept {
    leave();
    if (!attempt_->race.start())
        return hold();
    if (state_ == State::holding)
        port_.loop().remove(client_.get());
    enter(State::connecting);
}

/// Until the port has a backend for it, if that holds anybody.
void Session::hold() noexcept {
    if (const auto refusal = port_.hold(*this))
        return give_up(*refusal);
    if (state_ == State::holding)
        return;
    enter(State::holding);
    watch_held(EPOLLRDHUP);
}

/// That it leaves is all that matters, once it is clear that it sends no cancel request.
void Session::watch_held(std::uint32_t events) noexcept {
    if (startup_->hears_client())
        events |= EPOLLIN;
    if (const int error = port_.loop().take_over(client_.get(), events, *attempt_); error != 0)
        close(SessionEnd::out_of_resources, std::generic_category().message(error));
}

void Session::on_held_event(std::uint32_t events) noexcept {
    if (state_ != State::holding)
        return;  // fetched before it went on
    ssize_t count = 0;
    // A cancel request need not wait for a backend. What is no request yet is said to one later,
    // and what follows it waits in the kernel.
    if (startup_->hears_client()) {
        std::array<char, kMaxRequest> bytes;
        count = ::recv(client_.get(), bytes.data(), bytes.size(), 0);
        if (count > 0) {
            if (startup_->on_client({bytes.data(), static_cast<std::size_t>(count)}) ==
                Startup::Next::cancel)
                return pass_on_cancel(startup_->request(), {}, {});
            return watch_held(EPOLLRDHUP);
        }
    }
    int error = count < 0 && errno != EAGAIN && errno != EINTR ? errno : 0;
    socklen_t size = sizeof error;
    if (error == 0 && (events & (EPOLLERR | EPOLLHUP)) != 0)
        (void)::getsockopt(client_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0)
        return close(SessionEnd::client_failed, "while it was held");
    if ((events & (EPOLLRDHUP | EPOLLHUP)) == 0)
        return;
    // One that closes its half has said all that it will. If that is no more than a request to
    // begin, there is nothing to serve: it has lost its patience.
    int unread = 0;
    (void)::ioctl(client_.get(), FIONREAD, &unread);
    const bool stays = (events & EPOLLHUP) == 0 && (startup_->speaks_on() || unread > 0);
    if (!stays)
        return close(SessionEnd::client_closed, "while it was held");
    watch_held(0);
}

std::string Session::why_no_backend() const {
    if (port_.table().eligible.empty())
        return port_.table().why_excluded();
    if (attempt_->race.claim().met_full)
        return "every member that answers has max_connections_per_backend (" +
               std::to_string(port_.settings().max_connections_per_backend) + ") connections";
    if (attempt_->race.claim().met_hurried)
        return "every member that answers has had its max_connect_rate (" +
               std::to_string(port_.settings().max_connect_rate) + ") of new connections";
    if (attempt_->race.claim().met_doubtful)
        return "none of the eligible has said that it accepts sessions";
    return attempt_->race.has_tried_any() ? "none of the eligible answered"
                                          : "others wait before it";
}

void Session::on_race_lost() noexcept {
    hold();
}

void Session::on_own_trouble(const BackendPtr& backend, int error) noexcept {
    refuse(SessionEnd::no_resources, "towards " + backend->member + " at " +
                                         backend->address.to_string() + ": " +
                                         std::generic_category().message(error));
}

void Session::on_race_won(Seat seat, net::UniqueFd connection) noexcept {
    take(std::move(seat));
    if (port_.settings().log_sessions)
        own_address_ = net::SocketAddress::local_of(connection.get());
    ++tally_->sessions_total;
    enter(State::relaying);
    port_.leave_queue(*this);
    if (!startup_->keeps())  // there will be no other attempt
        end_attempt();
    (void)startup_->take_answer();  // of the one before
    relay_.emplace(port_.loop(), port_.buffer(), *this, std::move(client_), std::move(connection));
    relay_->start(std::as_bytes(std::span(startup_->request())));
}

/// Its connector may be calling: it must outlive this event.
void Session::end_attempt() noexcept {
    if (attempt_)
        port_.loop().dispose_later(std::move(attempt_));
}

net::Inspection Session::inspect(net::RelaySide from, std::span<const std::byte> bytes) noexcept {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    switch (from == net::RelaySide::client ? startup_->on_client(text)
                                           : startup_->on_backend(text)) {
        case Startup::Next::further:
            return net::Inspection::further;
        case Startup::Next::more:
            return net::Inspection::kept;
        case Startup::Next::enough:
            break;
        case Startup::Next::cancel: {
            auto sockets = relay_->release();
            client_ = std::move(sockets.client);
            pass_on_cancel(startup_->request(), std::move(sockets.backend), std::string(text));
            return net::Inspection::taken;
        }
        case Startup::Next::not_ready:
            client_ = relay_->release().client;
            on_not_ready(startup_->take_answer());
            return net::Inspection::taken;
    }
    if (const std::string answer = startup_->take_answer(); answer.size() > text.size())
        relay_->say_to_client(std::as_bytes(std::span(answer).first(
            from == net::RelaySide::client ? answer.size() : answer.size() - text.size())));
    startup_.reset();
    end_attempt();
    return net::Inspection::enough;
}

/// The client has seen nothing of it, so it is as if the backend had refused the connection.
void Session::on_not_ready(const std::string& answer) noexcept {
    const std::string message = read_answer(answer).message;
    port_.note_unreachable(backend_, Reach::not_ready,
                           message.empty() ? "it closed the connection" : message);
    connect_to_next();
}

/// All but those that could not be reached just now.
std::vector<BackendPtr> Session::cancel_targets() const {
    std::vector<BackendPtr> targets = port_.cancel_targets();
    std::erase_if(targets, [this](const BackendPtr& backend) {
        return backend->connections == 0 && attempt_ && attempt_->race.has_tried(backend.get());
    });
    return targets;
}

void Session::pass_on_cancel(const std::string& request, net::UniqueFd own,
                             const std::string& rest) noexcept {
    port_.leave_queue(*this);
    port_.loop().remove(client_.get());
    enter(State::cancelling);
    const std::vector<BackendPtr> targets = cancel_targets();
    if (!attempt_)
        attempt_ = std::make_unique<Attempt>(*this);
    attempt_->cancel_request.emplace(port_.loop(), request, port_.settings().connect_timeout,
                                     [this] { close(SessionEnd::cancel_request); });
    for (const auto& backend : targets) {
        if (own && backend == backend_)
            continue;
        const bool busy = backend->connections != 0;
        // A flood of requests must not take the descriptors of the sessions.
        if (!busy && !port_.count_connection())
            continue;
        if (!busy)
            ++counted_connections_;
        attempt_->cancel_request->send_to(backend->address, port_.settings().tcp, busy);
    }
    if (own)
        attempt_->cancel_request->send_rest_over(std::move(own), rest);
}

void Session::on_backend_end() noexcept {
    // Not at the end of the session: an idle client may notice by tomorrow, and the server has
    // forgotten it by now.
    port_.note_ended(backend_);
    free_place();
    port_.on_place_freed();
    enter(State::closing);
}

void Session::on_relay_end(net::RelayEnd end) noexcept {
    close(session_end_of(end));
}

/// The one way out: from here on it is its PortServer's to dispose of.
void Session::close(SessionEnd end, std::string_view detail) noexcept {
    if (state_ == State::closed)
        return;
    // One that ends while it connects is said to be of the latest that it tried.
    if (state_ == State::connecting)
        take(attempt_->race.take_seat());
    if (is_refusal(end))
        port_.note_refused(end, client_name(), detail);
    else
        log_end(end, detail);
    if (backend_) {
        MemberTally& tally = port_.tally_of(*backend_);
        tally.bytes_from_client += bytes_from_client();
        tally.bytes_from_backend += bytes_from_backend();
        ++tally.ended[static_cast<std::size_t>(end)];
    }
    leave();
    enter(State::closed);
    if (attempt_) {
        attempt_->race.cancel();
        if (attempt_->refusal)
            attempt_->refusal->cancel();
    }
    client_.reset();
    port_.discount_connections(std::exchange(counted_connections_, std::uint8_t{0}));
    port_.on_closed(*this);
}

std::string Session::client_name() const {
    return client_address_.family() == AF_UNSPEC ? "unix" : client_address_.to_string();
}

void Session::log_end(SessionEnd end, std::string_view detail) const {
    if (!port_.settings().log_sessions && is_orderly(end))
        return;
    if (!daemons::log::enabled(daemons::log::Level::info))
        return;
    const std::chrono::duration<double> duration = std::chrono::steady_clock::now() - accepted_at_;
    std::string message = port_.label() + ": session ended: " + std::string(describe(end));
    if (!detail.empty())
        message.append(": ").append(detail);
    daemons::log::info(message, {{"client", client_name()},
                                 {"proxy", own_address_.to_string()},
                                 {"backend", backend_ ? backend_->address.to_string() : "-"},
                                 {"member", backend_ ? backend_->member : "-"},
                                 {"reason", std::string(proxy::name_of(end))},
                                 {"from_client", std::to_string(bytes_from_client())},
                                 {"from_backend", std::to_string(bytes_from_backend())},
                                 {"seconds", std::to_string(duration.count())}});
}

}  // namespace proxy
