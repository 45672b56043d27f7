// A session without a backend: it finds one, is held, is refused, or turns out to be a cancel
// request.

#include <string>
#include <system_error>
#include <utility>

#include "daemon/text/units.h"
#include "patroni_proxy/postgres/postgres_messages.h"
#include "patroni_proxy/proxy_protocol/proxy_header.h"
#include "patroni_proxy/session/session.h"

namespace proxy {

Session::Attempt::Attempt(Session& its_session)
    : QueueEntry(its_session.accepted_at_),
      session(its_session),
      race(its_session.port_, *this),
      held(its_session.port_.loop(), *this) {}

Session::Session(SessionHost& port, SessionId id, net::UniqueFd client,
                 const net::SocketAddress& client_address,
                 std::chrono::steady_clock::time_point accepted_at)
    : port_(port),
      id_(id),
      client_(std::move(client)),
      client_address_(client_address),
      accepted_at_(accepted_at) {}

Session::~Session() = default;

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

void Session::Attempt::note_time() noexcept {
    const auto now = Clock::now();
    const std::chrono::duration<float> took = now - std::exchange(noted_at, now);
    if (session.state_ == State::holding)
        session.held_ += took.count();
    else if (session.state_ == State::connecting)
        session.connecting_ += took.count();
}

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

/// Waits until the port has a backend for it, or is refused if the port does not hold clients.
void Session::hold() noexcept {
    give_back_place();
    if (const auto refusal = port_.hold(*attempt_))
        return attempt_->give_up(*refusal);
    if (state_ == State::holding)
        return;
    enter(State::holding);
    startup_->keep();  // the port may not have held clients when this one came
    attempt_->held.watch(client_.get(), *startup_);
}

bool Session::Attempt::try_again() noexcept {
    race.forget_tried();
    session.connect_to_next();
    return session.state_ == State::connecting;
}

void Session::Attempt::on_held_end(SessionEnd end, std::string_view detail) noexcept {
    session.gave_up_ = end == SessionEnd::client_closed || end == SessionEnd::client_failed;
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

/// The attempt must outlive this event, since its connector may be calling.
void Session::end_attempt() noexcept {
    if (attempt_)
        port_.loop().dispose_later(std::move(attempt_));
}

void Session::Attempt::give_up(SessionEnd end) noexcept {
    if (end == SessionEnd::no_backend && shortage == Shortage::port)
        return session.refuse(SessionEnd::port_full, "", kTooManyConnections);
    if (end == SessionEnd::no_backend && shortage == Shortage::proxy)
        return session.refuse(SessionEnd::proxy_full, "", kTooManyConnections);
    // One that stood behind others has not tried yet: it lacks what they lack.
    if (shortage == Shortage::none)
        shortage = race.has_claimed() ? shortage_of(race.claim()) : session.port_.shortage();
    auto reason = why_no_backend(session.port_, shortage, race.claim(), race.has_tried_any());
    if (end == SessionEnd::queue_timeout)
        reason.insert(0, "after " + daemons::duration_text(Clock::now() - accepted_at) + ": ");
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
    // With nothing to say and nothing to cancel, there is no need to read from the client.
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

void Session::Attempt::on_race_won(Seat seat, net::UniqueFd connection) noexcept {
    session.seat_ = std::move(seat);
    session.relay_over(std::move(connection));
}

/// The client has seen nothing, so this counts as if the backend had refused the connection.
void Session::on_not_ready(const std::string& answer) noexcept {
    const std::string message = read_answer(answer).message;
    port_.on_unreachable(seat_.backend(), BackendState::not_ready,
                         message.empty() ? "it closed the connection" : message);
    connect_to_next();
}

/// All backends except those that could not be reached just now.
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
    if (own)
        attempt_->cancel_request->send_rest_over(std::move(own), rest);
    attempt_->cancel_request->send_to(targets);
}

std::uint64_t Session::counted_connections() const noexcept {
    return attempt_ && attempt_->cancel_request ? attempt_->cancel_request->counted_connections()
                                                : 0;
}

}  // namespace proxy
