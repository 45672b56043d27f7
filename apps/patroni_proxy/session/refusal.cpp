#include "patroni_proxy/session/refusal.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

#include "patroni_proxy/postgres/postgres_messages.h"

namespace proxy {
namespace {

// A client sends its first bytes once it is connected, and no network takes a second for a round
// trip: one second is enough to recognise a cancel request, and three to decline encryption and to
// answer.
constexpr std::chrono::seconds kPatienceToKnow{1};
constexpr std::chrono::seconds kPatienceToAnswer{3};

}  // namespace

std::string why_no_backend(const SessionHost& port, Shortage shortage, const Claim& claim,
                           bool tried_any) {
    const BackendTable& table = port.table();
    const PortSettings& settings = port.settings();
    if (settings.held)
        return "the port is " + *settings.held;
    if (table.eligible.empty())
        return table.why_excluded();
    switch (shortage) {
        case Shortage::none:
            break;
        case Shortage::port:
            return "the port has reached max_connections (" +
                   std::to_string(settings.max_connections) + ")";
        case Shortage::proxy:
            return "the proxy has reached max_connections";
        case Shortage::backends:
            return "all reachable members have reached max_connections_per_backend (" +
                   std::to_string(settings.max_connections_per_backend) + ")";
        case Shortage::caps:
            return "all reachable members have as many sessions as an operator allows them";
    }
    if (claim.any_rate_limited)
        return "all reachable members have reached max_connect_rate (" +
               std::to_string(settings.max_connect_rate) + "/s)";
    if (claim.any_unconfirmed)
        return "no eligible member accepts connections yet: " + table.why_unconfirmed();
    return tried_any ? "no eligible member answered" : "other clients are waiting already";
}

std::string refusal_message(const SessionHost& port, SessionEnd end, const std::string& why,
                            std::string_view sqlstate) {
    return fatal_error(sqlstate, std::string(describe(end)) + " for " + port.label() + " (roles: " +
                                     port.settings().roles + ")" + (why.empty() ? "" : ": " + why));
}

Refusal::Refusal(net::EventLoop& loop, int client, std::string answer, RefusalOwner& owner)
    : loop_(loop),
      client_(client),
      answer_(std::move(answer)),
      owner_(owner),
      timer_(loop.timers(), [this] { finish(); }) {}

void Refusal::start(Startup asked) {
    startup_ = std::move(asked);
    if (loop_.take_over(client_, EPOLLIN, *this) != 0)
        return timer_.arm({});
    if (startup_.speaks_on())
        return timer_.arm({});
    timer_.arm(answer_.empty() ? kPatienceToKnow : kPatienceToAnswer);
    answer();
}

void Refusal::on_event(std::uint32_t /*events*/) noexcept {
    if (finished_)
        return;  // fetched before it was
    std::array<char, kMaxRequest> bytes;
    const ssize_t count = ::recv(client_, bytes.data(), bytes.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0)
        return finish();
    const auto next = startup_.on_client({bytes.data(), static_cast<std::size_t>(count)});
    if (next == Startup::Next::cancel) {
        cancel();
        return owner_.on_refused_cancel(startup_.request());
    }
    if (startup_.speaks_on())
        return finish();
    answer();
}

/// Sends the answer that the client waits for, if any.
void Refusal::answer() noexcept {
    switch (startup_.awaits()) {
        case Startup::Awaits::request:
            return;
        case Startup::Awaits::encryption:
            if (answer_.empty())
                return timer_.arm({});
            (void)startup_.on_backend({&kNoEncryption, 1});
            ::send(client_, &kNoEncryption, 1, MSG_NOSIGNAL);
            return;
        case Startup::Awaits::answer:
            ::send(client_, answer_.data(), answer_.size(), MSG_NOSIGNAL);
            return timer_.arm({});
    }
}

void Refusal::finish() noexcept {
    cancel();
    owner_.on_refused();
}

void Refusal::cancel() noexcept {
    finished_ = true;
    timer_.cancel();
}

}  // namespace proxy
