#include "patroni_proxy/session/session.h"

#include <string>
#include <sys/socket.h>
#include <system_error>
#include <utility>

#include "daemon/log/log.h"

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
        case Session::State::reading_header:
            return "reading_header";
        case Session::State::admission_check:
            return "admission_check";
        case Session::State::holding:
            return "holding";
        case Session::State::connecting:
            return "connecting";
        case Session::State::relaying:
            return "relaying";
        case Session::State::closing:
            return "closing";
        case Session::State::refusing:
            return "refusing";
        case Session::State::cancelling:
            return "cancelling";
        case Session::State::closed:
            return "closed";
    }
    return "?";
}

// Clients know the code and begin anew; people read the rest.
constexpr std::string_view kOperatorsFarewell =
    "terminating connection: an operator of patroni_proxy has closed it";

}  // namespace

Session::Attempt::Attempt(Session& its_session)
    : QueueEntry(its_session.accepted_at_),
      session(its_session),
      race(its_session.port_, *this),
      held(its_session.port_.loop(), *this) {}

Session::Session(SessionHost& port, SessionId id, net::UniqueFd client,
                 const net::SocketAddress& client_address)
    : port_(port), id_(id), client_(std::move(client)), client_address_(client_address) {}

Session::~Session() = default;

void Session::start() noexcept {
    enter(State::admission_check);
    const auto header = header_of(port_.settings(), client_address_);
    const bool awaits_header = header && *header != AcceptProxy::off;
    const auto refusal = port_.admit(awaits_header ? net::SocketAddress() : client_address_);
    if (refusal && refusal != SessionEnd::port_disabled)
        return close(*refusal);
    if (!header)
        return close(SessionEnd::bad_header, "proxy_protocol_from does not have this client");
    attempt_ = std::make_unique<Attempt>(*this);
    attempt_->destination = net::SocketAddress::local_of(client_.get());
    if (!awaits_header)
        return begin();
    enter(State::reading_header);
    attempt_->header.emplace(port_.loop(), client_.get(), *header, *attempt_);
    attempt_->header->start();
}

void Session::Attempt::on_header(const ProxyHeader& header_read) noexcept {
    if (header_read.kind == ProxyHeader::Kind::proxied) {
        session.client_address_ = header_read.source;
        destination = header_read.destination;
    }
    session.enter(State::admission_check);
    if (!is_allowed(session.port_.settings(), session.client_address_))
        return session.close(SessionEnd::not_allowed);
    session.begin();
}

void Session::Attempt::on_no_header(std::string_view problem) noexcept {
    session.close(SessionEnd::bad_header, problem);
}

void Session::begin() noexcept {
    // The startup packet is sent to another backend only where the client can be held meanwhile.
    startup_ =
        std::make_unique<Startup>(lets_wait(port_.settings(), std::chrono::steady_clock::now()));
    if (const auto& disabled = port_.settings().disabled)
        return refuse(SessionEnd::port_disabled, *disabled);
    // Nobody overtakes those who wait.
    if (port_.anyone_waits())
        return hold();
    connect_to_next();
}

void Session::enter(State state) noexcept {
    if (state_ == State::holding)
        attempt_->held.stop();
    if (attempt_)
        attempt_->note_time();
    state_ = state;
    daemons::log::debug([&] {
        return port_.label() + ": client " + client_name() + ": " + std::string(name_of(state)) +
               (backend() && state != State::closed ? " on " + backend()->member : "");
    });
}

void Session::Attempt::note_time() noexcept {
    const auto now = Clock::now();
    const std::chrono::duration<float> took = now - std::exchange(noted_at, now);
    if (session.state_ == State::holding)
        session.held_ += took.count();
    else if (session.state_ == State::connecting)
        session.connecting_ += took.count();
}

// Finding a backend.

void Session::connect_to_next() noexcept {
    seat_ = Seat();
    if (!take_place() || !attempt_->race.start())
        return hold();
    if (state_ == State::holding)
        port_.loop().remove(client_.get());
    enter(State::connecting);
}

bool Session::take_place() noexcept {
    attempt_->shortage = has_place_ ? Shortage::none : port_.take_place();
    has_place_ = attempt_->shortage == Shortage::none;
    return has_place_;
}

void Session::give_back_place() noexcept {
    if (std::exchange(has_place_, false))
        port_.give_back_place();
}

/// Until the port has a backend for it, if the port holds clients.
void Session::hold() noexcept {
    give_back_place();
    if (const auto refusal = port_.hold(*attempt_))
        return attempt_->give_up(*refusal);
    if (state_ == State::holding)
        return;
    enter(State::holding);
    attempt_->held.watch(client_.get(), *startup_);
}

bool Session::Attempt::try_again() noexcept {
    race.forget_tried();
    session.connect_to_next();
    return session.state_ == State::connecting;
}

void Session::Attempt::on_held_end(SessionEnd end, std::string_view detail) noexcept {
    session.close(end, detail);
}

void Session::Attempt::on_held_cancel(const std::string& request) noexcept {
    session.pass_on_cancel(request, {}, {});
}

void Session::Attempt::on_race_lost() noexcept {
    session.hold();
}

void Session::Attempt::on_own_trouble(const BackendPtr& backend, int error) noexcept {
    session.refuse(SessionEnd::no_resources, "towards " + backend->member + " at " +
                                                 backend->address.to_string() + ": " +
                                                 std::generic_category().message(error));
}

void Session::leave_ineligible() noexcept {
    if (state_ == State::connecting && !attempt_->race.keep_eligible())
        connect_to_next();
}

/// Its connector may be calling: the attempt must outlive this event.
void Session::end_attempt() noexcept {
    if (attempt_)
        port_.loop().dispose_later(std::move(attempt_));
}

// Without a backend.

void Session::Attempt::give_up(SessionEnd end) noexcept {
    if (end == SessionEnd::no_backend && shortage == Shortage::port)
        return session.refuse(SessionEnd::port_full, "", kTooManyConnections);
    if (end == SessionEnd::no_backend && shortage == Shortage::proxy)
        return session.refuse(SessionEnd::proxy_full, "", kTooManyConnections);
    // One that stood behind others has not tried yet: it lacks what they lack.
    if (shortage == Shortage::none)
        shortage = race.has_claimed() ? shortage_of(race.claim()) : session.port_.shortage();
    auto reason = why_no_backend(session.port_, shortage, race.claim(), race.has_tried_any());
    const std::chrono::duration<double> waited = Clock::now() - accepted_at;
    if (end == SessionEnd::queue_timeout)
        reason.insert(0, "after " + std::to_string(waited.count()) + " s: ");
    session.refuse(end, reason,
                   shortage == Shortage::none ? kCannotConnectNow : kTooManyConnections);
}

/// Tells the client why, if the port is to tell its clients anything.
void Session::refuse(SessionEnd end, const std::string& why, std::string_view sqlstate) noexcept {
    attempt_->race.cancel();
    seat_ = Seat();
    give_back_place();
    port_.leave_queue(*attempt_);
    const bool tells = port_.settings().no_backend == NoBackend::postgres_error;
    // If there is nothing to say, and nothing to cancel, the client need not be heard.
    if (!tells && cancel_targets().empty())
        return close(end, why);
    enter(State::refusing);
    attempt_->refusal_end = end;
    attempt_->why = why;
    attempt_->refusal.emplace(port_.loop(), client_.get(),
                              tells ? refusal_message(port_, end, why, sqlstate) : "", *attempt_);
    attempt_->refusal->start(*startup_);
}

void Session::Attempt::on_refused() noexcept {
    session.close(refusal_end, why);
}

void Session::Attempt::on_refused_cancel(const std::string& request) noexcept {
    session.pass_on_cancel(request, {}, {});
}

// On a backend.

void Session::Attempt::on_race_won(Seat seat, net::UniqueFd connection) noexcept {
    session.seat_ = std::move(seat);
    session.relay_over(std::move(connection));
}

void Session::relay_over(net::UniqueFd connection) noexcept {
    note_names();
    own_address_ = net::SocketAddress::local_of(connection.get());
    // Before anything else; a new connection takes far more than this at once.
    if (const auto version = port_.settings().send_proxy; version != SendProxy::off) {
        const auto text = proxy_header(version, client_address_, attempt_->destination);
        (void)::send(connection.get(), text.data(), text.size(), MSG_NOSIGNAL);
    }
    ++seat_.tally()->sessions_total;
    enter(State::relaying);
    port_.leave_queue(*attempt_);
    if (!startup_->keeps())  // there will be no other attempt
        end_attempt();
    (void)startup_->take_answer();  // of the one before
    relay_.emplace(port_.loop(), port_.buffer(), *this, std::move(client_), std::move(connection));
    relay_->start(std::as_bytes(std::span(startup_->request())));
}

net::Inspection Session::inspect(net::RelaySide from, std::span<const std::byte> bytes) noexcept {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto next =
        from == net::RelaySide::client ? startup_->on_client(text) : startup_->on_backend(text);
    note_names();
    switch (next) {
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
    port_.on_unreachable(seat_.backend(), BackendState::not_ready,
                         message.empty() ? "it closed the connection" : message);
    connect_to_next();
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

/// Even a server that hangs takes connections, for its kernel does.
bool Session::is_unanswered() const noexcept {
    return state_ == State::relaying && startup_ && startup_->keeps();
}

/// As soon as a startup packet has come in clear text.
void Session::note_names() noexcept {
    if (!names_.known() && startup_ && startup_->awaits() == Startup::Awaits::answer)
        names_ = ClientNames(startup_->request());
}

std::optional<bool> Session::is_busy() const noexcept {
    if (!names_.known() || state_ != State::relaying)
        return std::nullopt;
    return startup_ || !relay_->awaits_query();
}

std::chrono::milliseconds Session::idle() const noexcept {
    if (relay_ && !client_)
        return relay_->silence();
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 accepted_at_);
}

/// Once the relay has given the client back, what it had moved is not counted, for it was in vain.
std::uint64_t Session::bytes_from_client() const noexcept {
    return relay_ && !client_ ? relay_->bytes_from_client() : 0;
}

std::uint64_t Session::bytes_from_backend() const noexcept {
    return relay_ && !client_ ? relay_->bytes_from_backend() : 0;
}

// A cancel request.

/// All but those that could not be reached just now.
std::vector<BackendPtr> Session::cancel_targets() const {
    std::vector<BackendPtr> targets = port_.table().cancel_targets();
    std::erase_if(targets, [this](const BackendPtr& backend) {
        return backend->connections == 0 && attempt_ && attempt_->race.has_tried(backend.get());
    });
    return targets;
}

void Session::pass_on_cancel(const std::string& request, net::UniqueFd own,
                             const std::string& rest) noexcept {
    std::vector<BackendPtr> targets = cancel_targets();
    if (own)
        std::erase(targets, seat_.backend());
    if (!attempt_)
        attempt_ = std::make_unique<Attempt>(*this);
    port_.leave_queue(*attempt_);
    port_.loop().remove(client_.get());
    enter(State::cancelling);
    attempt_->cancel_request.emplace(port_, local_proxy_header(port_.settings().send_proxy),
                                     request, [this] { close(SessionEnd::cancel_request); });
    attempt_->cancel_request->send_to(targets);
    if (own)
        attempt_->cancel_request->send_rest_over(std::move(own), rest);
}

std::uint64_t Session::counted_connections() const noexcept {
    return attempt_ && attempt_->cancel_request ? attempt_->cancel_request->counted_connections()
                                                : 0;
}

// The end.

/// Not only at the end of the session: an idle client may notice tomorrow, and the server has
/// forgotten the session by now.
void Session::on_backend_end() noexcept {
    if (!parting_)  // then it is no sign of trouble
        port_.on_backend_end(seat_.backend());
    seat_.free();
    enter(State::closing);
}

void Session::on_relay_end(net::RelayEnd end) noexcept {
    close(session_end_of(end));
}

void Session::end(SessionEnd end) noexcept {
    if (relay_)
        relay_->abort();
    close(state_ == State::closing ? session_end_of(*relay_->end()) : end);
}

bool Session::close_between_queries(std::string_view detail) noexcept {
    if (!is_relaying() || is_busy() != false)
        return false;
    const std::string farewell = fatal_error(kAdminShutdown, kOperatorsFarewell);
    parting_ = std::make_unique<const Parting>(Parting{std::string(detail)});
    const bool parts =
        relay_->part(std::as_bytes(std::span(farewell)), std::as_bytes(std::span(kTerminate)));
    if (!parts)
        parting_.reset();
    return parts;
}

bool Session::close_by_operator(std::string_view detail) noexcept {
    if (parting_ || state_ == State::closing || state_ == State::closed)
        return false;
    if (close_between_queries(detail))
        return true;
    if (relay_)
        relay_->abort();
    close(SessionEnd::closed_by_operator, detail);
    return true;
}

/// The one way out.
void Session::close(SessionEnd end, std::string_view detail) noexcept {
    if (state_ == State::closed)
        return;
    if (parting_) {
        end = SessionEnd::closed_by_operator;
        detail = parting_->detail;
    }
    // One that ends while it connects is counted on the latest backend that it tried.
    if (state_ == State::connecting)
        seat_ = attempt_->race.take_seat();
    if (!is_refusal(end))
        log_end(end, detail);
    seat_.free();
    enter(State::closed);
    if (attempt_) {
        port_.leave_queue(*attempt_);
        attempt_->race.cancel();
        if (attempt_->header)
            attempt_->header->cancel();
        if (attempt_->refusal)
            attempt_->refusal->cancel();
    }
    port_.on_closed(*this, end, detail);
    client_.reset();
}

std::string Session::client_name() const {
    return client_address_.family() == AF_UNSPEC ? "unix" : client_address_.to_string();
}

SessionRecord Session::record() {
    note_names();
    if (attempt_)
        attempt_->note_time();
    const std::chrono::duration<double> age = std::chrono::steady_clock::now() - accepted_at_;
    return {.id = id_,
            .client = client_address_,
            .backend = seat_.backend(),
            .own = own_address_,
            .user = std::string(names_.user()),
            .database = std::string(names_.database()),
            .application = std::string(names_.application()),
            .state = name_of(state_),
            .busy = is_busy(),
            .age = age.count(),
            .idle = std::chrono::duration<double>(idle()).count(),
            .held = held_,
            .connecting = connecting_,
            .bytes_from_client = bytes_from_client(),
            .bytes_from_backend = bytes_from_backend(),
            .by_fallback = backend() && seat_.served_by() == ServedBy::fallback_roles};
}

void Session::log_end(SessionEnd end, std::string_view detail) {
    if (!port_.settings().log_sessions && is_orderly(end))
        return;
    if (!daemons::log::enabled(daemons::log::Level::info))
        return;
    const auto known = [](const std::string& name) { return name.empty() ? "-" : name; };
    const SessionRecord session = record();
    std::string message = port_.label() + ": session ended: " + std::string(describe(end));
    if (!detail.empty())
        message.append(": ").append(detail);
    daemons::log::info(message, {{"client", client_name()},
                                 {"proxy", session.own.to_string()},
                                 {"backend", backend() ? backend()->address.to_string() : "-"},
                                 {"member", backend() ? backend()->member : "-"},
                                 {"reason", std::string(proxy::name_of(end))},
                                 {"from_client", std::to_string(session.bytes_from_client)},
                                 {"from_backend", std::to_string(session.bytes_from_backend)},
                                 {"seconds", std::to_string(session.age)},
                                 {"id", session.id.text()},
                                 {"user", known(session.user)},
                                 {"database", known(session.database)},
                                 {"application_name", known(session.application)},
                                 {"held_seconds", std::to_string(session.held)},
                                 {"connect_seconds", std::to_string(session.connecting)}});
}

}  // namespace proxy
