// The sessions of a port that go on in another process.

#include <algorithm>
#include <utility>

#include "patroni_proxy/port/port_server.h"

namespace proxy {

PortTally PortServer::show_to_successor(const Passed& pass) const {
    PortTally tally = tally_;
    for (auto& [name, member] : tally.members)
        member.sessions = 0;  // counted there
    for (const auto& session : sessions_) {
        if (!session->is_passable())
            continue;
        SessionState state = session->state();
        if (state.queued)
            --tally.queued_total;  // it is queued anew there
        pass(std::move(state), session->descriptors());
    }
    return tally;
}

void PortServer::leave_to_successor() {
    // From the back: the last one takes the place of one that goes.
    for (std::size_t i = sessions_.size(); i-- > 0;) {
        Session& session = *sessions_[i];
        if (!session.is_passable())
            continue;
        session.leave_to_successor();
        remove(session);
    }
}

void PortServer::adopt(SessionState&& state, net::UniqueFd client, net::UniqueFd backend) {
    // It was admitted long ago: no limit counts.
    port_->sessions.fetch_add(1, std::memory_order_relaxed);
    worker_.process.open.fetch_add(1, std::memory_order_relaxed);
    state.has_place = state.has_place && state.stage == SessionState::Stage::relaying;
    if (state.has_place) {
        (void)port_->places.take(0);
        (void)worker_.process.places.take(0);
    }
    Seat seat = seat_for(state);
    sessions_.push_back(std::make_unique<Session>(*this, state.id, std::move(client), state.client,
                                                  state.accepted_at));
    sessions_.back()->index = static_cast<std::uint32_t>(sessions_.size() - 1);
    most_sessions_ = std::max(most_sessions_, sessions_.size());
    sessions_.back()->resume(std::move(state), std::move(seat), std::move(backend));
}

/// On the backend of that name and address, if the table has it; the table that is to come decides
/// what becomes of a session on another one.
Seat PortServer::seat_for(const SessionState& state) {
    if (state.stage != SessionState::Stage::relaying || state.member.empty())
        return {};
    BackendPtr backend;
    for (const auto* known :
         {&table().eligible, &table().spares, &table().tolerated, &table().fallback}) {
        const auto found = std::find_if(known->begin(), known->end(), [&](const auto& each) {
            return each->member == state.member && each->address == state.backend;
        });
        if (found != known->end() && !backend)
            backend = *found;
    }
    if (!backend)
        backend = BackendPtr(new Backend{state.member, state.backend});
    backend->connections.fetch_add(1, std::memory_order_relaxed);
    Seat seat(backend, tally_of(*backend), state.served_by);
    if (!state.has_seat)
        seat.free();
    return seat;
}

}  // namespace proxy
