#include "patroni_proxy/session/cancel_request.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace proxy {
namespace {

// A server without sessions of ours may be down: the client waits for it only longer than any round
// trip.
constexpr std::chrono::milliseconds kPatienceForUnlikely{1'000};

}  // namespace

CancelRequest::CancelRequest(SessionHost& port, std::string header, std::string request,
                             std::function<void()> done)
    : port_(port),
      header_(std::move(header)),
      request_(std::move(request)),
      done_(std::move(done)),
      timer_(port.loop().timers(), [this] { done_(); }) {
    arm_timer();
}

CancelRequest::~CancelRequest() = default;

void CancelRequest::send_to(const std::vector<BackendPtr>& backends) {
    for (const auto& backend : backends) {
        // The first takes the descriptor that the session has for its backend.
        if (!deliveries_.empty()) {
            if (!port_.count_connection())
                return;
            ++counted_;
        }
        const PortSettings& settings = port_.settings();
        next_delivery(header_ + request_, backend->connections != 0)
            .start(backend->address, settings.connect_timeout, settings.tcp);
    }
}

void CancelRequest::send_rest_over(net::UniqueFd connection, const std::string& rest) {
    next_delivery(rest, true).start_over(std::move(connection));
}

BackendRequest& CancelRequest::next_delivery(std::string text, bool likely) {
    ++under_way_;
    likely_under_way_ += likely ? 1 : 0;
    arm_timer();
    deliveries_.push_back(std::make_unique<BackendRequest>(
        port_.loop(), std::move(text),
        [this, likely](const BackendReply& reply) { on_reply(reply, likely); }));
    return *deliveries_.back();
}

/// A server closes the connection without an answer. If it sends one, it does not matter.
void CancelRequest::on_reply(const BackendReply& reply, bool likely) {
    if (reply.kind == BackendReply::Kind::sent || reply.kind == BackendReply::Kind::bytes)
        return;
    --under_way_;
    likely_under_way_ -= likely ? 1 : 0;
    arm_timer();
}

/// The timer calls `done`, so that it never runs within a call of its owner.
void CancelRequest::arm_timer() {
    if (under_way_ == 0)
        return timer_.arm({});
    const std::chrono::milliseconds timeout = port_.settings().connect_timeout;
    const auto patience =
        likely_under_way_ != 0 ? timeout : std::min(timeout, kPatienceForUnlikely);
    timer_.arm(started_ + patience - net::TimerQueue::Clock::now());
}

}  // namespace proxy
