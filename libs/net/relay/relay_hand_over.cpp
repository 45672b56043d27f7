// A relay that goes on in another process: what it knows, and how it goes on from there.

#include <chrono>
#include <memory>
#include <utility>

#include "net/relay/relay.h"

namespace net {

RelayState::Side Relay::state_of(Endpoint& side) {
    RelayState::Side state{.unsent = {},
                           .received = side.received,
                           .silence = loop_.since(side.heard_at),
                           .ended = side.ended,
                           .write_done = side.write_done,
                           .deaf = side.deaf,
                           .reset = side.reset};
    if (side.backlog && side.backlog->pipe)
        bring_into_memory(*side.backlog);
    if (side.backlog)
        state.unsent.assign(
            side.backlog->bytes.begin() + static_cast<std::ptrdiff_t>(side.backlog->written),
            side.backlog->bytes.end());
    return state;
}

RelayState Relay::state() {
    RelayState state{.client = state_of(client_),
                     .backend = state_of(backend_),
                     .heard = heard_,
                     .shutdown = {},
                     .end = end_,
                     .departs = departs_,
                     .answered = answered_,
                     .waited = waited_,
                     .told = told_,
                     .inspected = inspected_,
                     .query = query_};
    if (shutdown_)
        state.shutdown = RelayState::Shutdown{.left = shutdown_->timer.left(),
                                              .undelivered = shutdown_->undelivered,
                                              .checks = shutdown_->checks};
    return state;
}

void Relay::resume_side(Endpoint& side, RelayState::Side&& state) {
    if (!state.unsent.empty())
        side.backlog = std::make_unique<Backlog>(Backlog{std::move(state.unsent), 0, {}});
    side.received = state.received;
    side.heard_at = loop_.ticks() - static_cast<EventLoop::Ticks>(state.silence / EventLoop::kTick);
    side.ended = state.ended;
    side.write_done = state.write_done;
    side.deaf = state.deaf;
    side.reset = state.reset;
}

void Relay::resume(RelayState state) noexcept {
    resume_side(client_, std::move(state.client));
    resume_side(backend_, std::move(state.backend));
    heard_ = state.heard;
    end_ = state.end;
    departs_ = state.departs;
    answered_ = state.answered;
    waited_ = state.waited;
    told_ = state.told;
    inspected_ = state.inspected;
    query_ = state.query;
    // Every end has begun a shutdown, whatever the state says.
    if (state.shutdown || end_ || client_.ended != SideEnd::none ||
        backend_.ended != SideEnd::none) {
        const auto shutdown =
            state.shutdown.value_or(RelayState::Shutdown{.left = std::chrono::milliseconds{0}});
        begin_shutdown(shutdown.left.value_or(std::chrono::milliseconds{0}));
        if (!shutdown.left)
            shutdown_->timer.cancel();
        shutdown_->undelivered = shutdown.undelivered;
        shutdown_->checks = shutdown.checks;
    }
    settle();
}

}  // namespace net
