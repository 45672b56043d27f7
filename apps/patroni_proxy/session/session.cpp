#include "patroni_proxy/session/session.h"

#include <string>
#include <sys/socket.h>
#include <utility>

#include "daemon/log/log.h"
#include "patroni_proxy/postgres/client_address.h"
#include "patroni_proxy/session/selection/session_log.h"
#include "patroni_proxy/session/selection/session_states.h"

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

static_assert(kSessionStates.size() == static_cast<std::size_t>(Session::State::closed) + 1);

std::string_view name_of(Session::State state) {
    return kSessionStates.at(static_cast<std::size_t>(state));
}

// Drivers know the SQLSTATE and reconnect; people read the text.
constexpr std::string_view kClosedByOperator =
    "terminating connection: an operator of patroni_proxy has closed it";
constexpr std::string_view kProxyStops = "terminating connection: patroni_proxy is stopping";

}  // namespace

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
    read_header();
}

void Session::read_header(std::string begun) noexcept {
    enter(State::reading_header);
    // A header that has begun goes on, even if the settings have changed meanwhile.
    const auto accept = header_of(port_.settings(), client_address_);
    attempt_->header.emplace(port_.loop(), client_.get(), accept.value_or(AcceptProxy::required),
                             *attempt_);
    attempt_->header->start(std::move(begun));
}

void Session::begin() noexcept {
    // The startup packet is kept, to be sent to another backend, only where clients can be held.
    if (!startup_)
        startup_ = std::make_unique<Startup>(
            lets_wait(port_.settings(), std::chrono::steady_clock::now()),
            port_.settings().client_in_application_name && client_address_.family() != AF_UNSPEC);
    if (const auto& disabled = port_.settings().disabled)
        return refuse(SessionEnd::port_disabled, *disabled);
    // A new client queues up behind the held ones.
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
    daemons::log::debug({"session_state", port_.label()}, [&] {
        return port_.label() + ": client " + client_name() + ": " + std::string(name_of(state)) +
               (backend() && state != State::closed ? " on " + backend()->member : "");
    });
}

void Session::relay_over(net::UniqueFd connection) noexcept {
    note_names();
    // Before anything else; a new connection takes far more than this at once.
    if (const auto version = port_.settings().send_proxy; version != SendProxy::off) {
        const auto text = proxy_header(version, client_address_, attempt_->destination);
        (void)::send(connection.get(), text.data(), text.size(), MSG_NOSIGNAL);
    }
    enter(State::relaying);
    MemberTally& tally = *seat_.tally();
    ++tally.sessions_total;
    const auto now = std::chrono::steady_clock::now();
    tally.rate.count(now);
    if (!tally.first_served_at)
        tally.first_served_at = now;
    port_.leave_queue(*attempt_);
    if (!startup_->keeps())  // there will be no second attempt
        end_attempt();
    (void)startup_->take_answer();  // that of the previous backend
    relay_.emplace(port_.loop(), port_.buffer(), *this, std::move(client_), std::move(connection));
    // An incomplete request that is withheld is sent once it is complete.
    const std::string said = !startup_->withholds()     ? startup_->request()
                             : startup_->hears_client() ? ""
                                                        : rewritten_request();
    relay_->start(std::as_bytes(std::span(said)));
}

std::string Session::rewritten_request() const {
    return with_client_address(startup_->request(), client_name());
}

net::Inspection Session::inspect(net::RelaySide from, std::span<const std::byte> bytes) noexcept {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const bool from_client = from == net::RelaySide::client;
    const bool withheld = startup_->is_withholding();
    const auto next = from_client ? startup_->on_client(text) : startup_->on_backend(text);
    note_names();
    const auto let_go = [&] {
        const std::string said = rewritten_request();
        relay_->say_to_backend(std::as_bytes(std::span(said)));
    };
    switch (next) {
        case Startup::Next::further:
            if (!from_client || !withheld)
                return net::Inspection::further;
            let_go();
            return net::Inspection::kept;
        case Startup::Next::more:
            return net::Inspection::kept;
        case Startup::Next::enough:
            break;
        case Startup::Next::cancel: {
            auto sockets = relay_->release();
            client_ = std::move(sockets.client);
            pass_on_cancel(startup_->request(), std::move(sockets.backend),
                           withheld ? startup_->request() : std::string(text));
            return net::Inspection::taken;
        }
        case Startup::Next::not_ready:
            client_ = relay_->release().client;
            on_not_ready(startup_->take_answer());
            return net::Inspection::taken;
    }
    if (withheld)  // whatever the client has said so far, if it is the server that has spoken
        let_go();
    const std::string answer = startup_->take_answer();
    const std::size_t passed_on = from_client ? 0 : text.size();  // of it, by the relay
    if (answer.size() > passed_on)
        relay_->say_to_client(std::as_bytes(std::span(answer).first(answer.size() - passed_on)));
    startup_.reset();
    end_attempt();
    return from_client && withheld ? net::Inspection::replaced : net::Inspection::enough;
}

void Session::leave_backend(std::string_view why) noexcept {
    if (is_unanswered()) {
        client_ = relay_->release().client;
        return connect_to_next();
    }
    end_relay(SessionEnd::member_out, why);
}

/// A connection proves nothing: the kernel accepts it even for a server that hangs.
bool Session::is_unanswered() const noexcept {
    return state_ == State::relaying && startup_ && startup_->keeps();
}

/// Does nothing until a startup packet has arrived in clear text.
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

/// Bytes do not count once the relay has given the client back: the next backend gets them again.
std::uint64_t Session::bytes_from_client() const noexcept {
    return relay_ && !client_ ? relay_->bytes_from_client() : 0;
}

std::uint64_t Session::bytes_from_backend() const noexcept {
    return relay_ && !client_ ? relay_->bytes_from_backend() : 0;
}

/// The seat is free before the session ends: the server has forgotten the session, while an idle
/// client may notice only tomorrow.
void Session::on_backend_end() noexcept {
    if (!closed_by_)  // an end that an operator asked for is no sign of trouble
        port_.on_backend_end(seat_.backend());
    seat_.free();
    enter(State::closing);
}

void Session::on_relay_end(net::RelayEnd end) noexcept {
    close(session_end_of(end));
}

void Session::end(SessionEnd end) noexcept {
    end_relay(state_ == State::closing ? session_end_of(*relay_->end()) : end);
}

/// The log still names the relay's sockets.
void Session::end_relay(SessionEnd end, std::string_view detail) noexcept {
    close(end, detail);
    if (relay_)
        relay_->abort();
}

bool Session::close_between_queries(std::string_view detail, SessionEnd end) noexcept {
    if (!is_relaying() || is_busy() != false)
        return false;
    const std::string goodbye = fatal_error(
        kAdminShutdown, end == SessionEnd::proxy_stopped ? kProxyStops : kClosedByOperator);
    closed_by_ = std::make_unique<const ClosedBy>(ClosedBy{end, std::string(detail)});
    const bool ends = relay_->end_between_queries(std::as_bytes(std::span(goodbye)),
                                                  std::as_bytes(std::span(kTerminate)));
    if (!ends)
        closed_by_.reset();
    return ends;
}

bool Session::close_by_operator(std::string_view detail) noexcept {
    if (closed_by_ || state_ == State::closing || state_ == State::closed)
        return false;
    if (close_between_queries(detail))
        return true;
    end_relay(SessionEnd::closed_by_operator, detail);
    return true;
}

/// Every session ends here.
void Session::close(SessionEnd end, std::string_view detail) noexcept {
    if (state_ == State::closed)
        return;
    if (closed_by_) {
        end = closed_by_->end;
        detail = closed_by_->detail;
    }
    // A session that ends while connecting counts for the backend that it tried last.
    if (state_ == State::connecting)
        seat_ = attempt_->race.take_seat();
    if (is_logged(end, port_.settings()))
        log_session_end(port_.label(), record(), end, detail);
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
    if (client_ && attempt_)  // which may have had it watched
        port_.loop().remove(client_.get());
    client_.reset();
}

std::string Session::client_name() const {
    return proxy::client_name(client_address_);
}

SessionRecord Session::record() {
    note_names();
    if (attempt_)
        attempt_->note_time();
    return {.id = id_,
            .client = client_address_,
            .backend = seat_.backend(),
            .own = relay_ ? relay_->own_address() : net::SocketAddress(),
            .user = std::string(names_.user()),
            .database = std::string(names_.database()),
            .application = std::string(names_.application()),
            .state = name_of(state_),
            .busy = is_busy(),
            .age = age().count(),
            .idle = std::chrono::duration<double>(idle()).count(),
            .held = held_,
            .connecting = connecting_,
            .bytes_from_client = bytes_from_client(),
            .bytes_from_backend = bytes_from_backend(),
            .by_fallback = backend() && seat_.served_by() == ServedBy::fallback_roles};
}

}  // namespace proxy
