// A session that goes on in another process: what it is, and how it goes on from there.

#include <utility>

#include "patroni_proxy/session/session.h"

namespace proxy {

bool Session::is_passable() const noexcept {
    switch (state_) {
        case State::relaying:
        case State::closing:
        case State::holding:
        case State::connecting:
        case State::reading_header:
            return true;
        case State::accepted:
        case State::admission_check:
        case State::refusing:
        case State::cancelling:
        case State::closed:
            return false;
    }
    return false;
}

SessionState Session::state() {
    SessionState state{.id = id_,
                       .client = client_address_,
                       .accepted_at = accepted_at_,
                       .held = held_,
                       .connecting = connecting_,
                       .has_names = names_.known(),
                       .user = std::string(names_.user()),
                       .database = std::string(names_.database()),
                       .application = std::string(names_.application())};
    if (state_ == State::relaying || state_ == State::closing) {
        state.stage = SessionState::Stage::relaying;
        state.relay = relay_->state();
    } else if (state_ == State::reading_header) {
        state.stage = SessionState::Stage::reading_header;
        state.header_begun = attempt_->header->begun();
    }
    if (attempt_) {
        state.destination = attempt_->destination;
        state.queued = is_queued();
    }
    if (startup_)
        state.startup = startup_->state();
    if (closed_by_)
        state.closed_by = closed_by_->detail;
    if (const BackendPtr& its = seat_.backend()) {
        state.member = its->member;
        state.backend = its->address;
        state.served_by = seat_.served_by();
        state.has_seat = seat_.is_taken();
    }
    state.has_place = has_place_;
    return state;
}

Session::Descriptors Session::descriptors() const noexcept {
    if (relay_ && !client_)
        return {relay_->client_socket(), relay_->backend_socket()};
    return {client_.get(), -1};
}

net::Relay::Sockets Session::leave_to_successor() noexcept {
    state_ = State::closed;
    net::Relay::Sockets sockets;
    // Both sockets stay open elsewhere, so the loop must be told that it has lost them.
    if (relay_ && !client_) {
        sockets = relay_->release();
    } else {
        port_.loop().remove(client_.get());
        sockets.client = std::move(client_);
    }
    if (attempt_) {
        port_.leave_queue(*attempt_);
        attempt_->held.stop();
        attempt_->race.cancel();
        if (attempt_->header)
            attempt_->header->cancel();
    }
    seat_.free();
    return sockets;
}

void Session::resume(SessionState&& state, Seat seat, net::UniqueFd backend) noexcept {
    held_ = static_cast<float>(state.held);
    connecting_ = static_cast<float>(state.connecting);
    if (state.has_names)
        names_ = ClientNames(state.user, state.database, state.application);
    if (state.startup)
        startup_ = std::make_unique<Startup>(*std::move(state.startup));
    has_place_ = state.has_place;
    seat_ = std::move(seat);
    if (state.stage == SessionState::Stage::relaying)
        return resume_relay(state, std::move(backend));
    attempt_ = std::make_unique<Attempt>(*this);
    attempt_->destination = state.destination;
    if (state.stage == SessionState::Stage::reading_header)
        return read_header(std::move(state.header_begun));
    if (!state.queued || !startup_)
        return begin();
    hold();
}

void Session::resume_relay(SessionState& state, net::UniqueFd backend) noexcept {
    if (startup_ && startup_->keeps()) {  // there may be a second attempt
        attempt_ = std::make_unique<Attempt>(*this);
        attempt_->destination = state.destination;
    }
    if (!state.closed_by.empty())
        closed_by_ = std::make_unique<const ClosedBy>(
            ClosedBy{SessionEnd::closed_by_operator, std::move(state.closed_by)});
    state_ = seat_.is_taken() ? State::relaying : State::closing;
    state.relay.inspected = startup_ != nullptr;
    relay_.emplace(port_.loop(), port_.buffer(), *this, std::move(client_), std::move(backend));
    relay_->resume(std::move(state.relay));
}

}  // namespace proxy
