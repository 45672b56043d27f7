// The sessions of a port that go on in another process.

#include <algorithm>
#include <cstddef>
#include <utility>

#include "patroni_proxy/port/port_server.h"

namespace proxy {

namespace {

// What is to be sent yet takes time to pass: a batch has little more than this.
constexpr std::size_t kMostUnsent = std::size_t{256} * 1024;

bool passes_at_once(const Session& session, PortServer::AtOnce which) {
    return session.is_passable() && (which == PortServer::AtOnce::all || !session.only_relays());
}

}  // namespace

void PortServer::show_to_successor(AtOnce which, const Shown& show, Others& others) const {
    for (const auto& session : sessions_) {
        if (passes_at_once(*session, which)) {
            show(session->state(), session->descriptors());
            continue;
        }
        if (!session->is_passable())
            continue;
        others.sessions += session->has_place() ? 1 : 0;
        if (session->has_seat())
            ++others.connections[session->shared_backend()];
    }
}

void PortServer::leave_to_successor(AtOnce which) {
    // They are still held, only elsewhere.
    const auto held_time = tally_.held_time;
    const double longest_held = tally_.longest_held;
    // From the back: the last one takes the place of one that goes.
    for (std::size_t i = sessions_.size(); i-- > 0;) {
        Session& session = *sessions_[i];
        if (!passes_at_once(session, which))
            continue;
        if (session.is_queued())
            --tally_.queued_total;  // it is queued anew there
        (void)session.leave_to_successor();
        remove(session);
    }
    tally_.held_time = held_time;
    tally_.longest_held = longest_held;
}

void PortServer::pass_some(std::size_t most, const Passed& pass) {
    std::size_t unsent = 0;
    for (std::size_t i = sessions_.size(); i-- > 0 && most > 0 && unsent < kMostUnsent;) {
        Session& session = *sessions_[i];
        if (!session.only_relays())
            continue;
        SessionState state = session.state();
        unsent += state.relay.client.unsent.size() + state.relay.backend.unsent.size();
        pass(std::move(state), session.leave_to_successor());
        remove(session);
        --most;
    }
}

PortTally PortServer::tally_for_successor() const {
    PortTally tally = tally_;
    for (auto& [name, member] : tally.members)
        member.sessions = 0;  // counted there
    for (const auto& session : sessions_)
        if (session->is_queued())
            --tally.queued_total;  // it is queued anew there
    return tally;
}

void PortServer::adopt(SessionState&& state, net::UniqueFd client, net::UniqueFd backend,
                       Reservation reserved) {
    // It was admitted long ago: no limit counts.
    state.has_place = state.has_place && state.stage == SessionState::Stage::relaying;
    if (!reserved.has_place) {
        port_->sessions.fetch_add(1, std::memory_order_relaxed);
        worker_.process.open.fetch_add(1, std::memory_order_relaxed);
        if (state.has_place) {
            port_->places.add(1);
            worker_.process.places.add(1);
        }
    }
    Seat seat = seat_for(state, std::move(reserved.backend));
    sessions_.push_back(std::make_unique<Session>(*this, state.id, std::move(client), state.client,
                                                  state.accepted_at));
    Session& session = *sessions_.back();
    session.index = static_cast<std::uint32_t>(sessions_.size() - 1);
    most_sessions_ = std::max(most_sessions_, sessions_.size());
    session.resume(std::move(state), std::move(seat), std::move(backend));
    keep_or_cut(session);  // it is disposed of later, even if it has ended
}

/// On the backend of that name and address, if the table has it; otherwise the session cannot stay.
Seat PortServer::seat_for(const SessionState& state, BackendPtr reserved) {
    if (state.stage != SessionState::Stage::relaying || state.member.empty())
        return {};
    BackendPtr backend = std::move(reserved);
    if (!backend) {
        backend = table().find(state.member, state.backend);
        if (!backend)
            backend = BackendPtr(new Backend{state.member, state.backend});
        backend->connections.fetch_add(1, std::memory_order_relaxed);
    }
    Seat seat(backend, tally_of(*backend), state.served_by);
    if (!state.has_seat)
        seat.free();
    return seat;
}

}  // namespace proxy
