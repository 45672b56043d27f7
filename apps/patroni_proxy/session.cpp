#include "patroni_proxy/session.h"

#include <cerrno>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <utility>

#include "daemon/log.h"
#include "patroni_proxy/port_server.h"

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
        case Session::State::closed:
            return "closed";
    }
    return "?";
}

}  // namespace

Session::Session(PortServer& port, net::UniqueFd client, const net::SocketAddress& client_address)
    : port_(port), client_(std::move(client)), client_address_(client_address) {}

Session::~Session() {
    leave();
}

void Session::start() noexcept {
    enter(State::preface);
    if (const auto refusal = port_.admit(client_address_))
        return close(*refusal);
    attempt_ = std::make_unique<Attempt>(port_.loop(), *this);
    // Nobody overtakes those who wait.
    if (port_.anyone_waits())
        return hold();
    connect_to_next();
}

bool Session::try_again() noexcept {
    attempt_->tried.clear();
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
    close(end, why);
}

void Session::leave_backend(std::string_view why) noexcept {
    if (state_ == State::connecting) {
        attempt_->connector.cancel();
        return connect_to_next();
    }
    if (relay_)
        relay_->abort();
    close(SessionEnd::member_out, why);
}

void Session::end(SessionEnd end) noexcept {
    if (relay_)
        relay_->abort();
    close(end);
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

std::uint64_t Session::bytes_from_client() const noexcept {
    return relay_ ? relay_->bytes_from_client() : 0;
}

std::uint64_t Session::bytes_from_backend() const noexcept {
    return relay_ ? relay_->bytes_from_backend() : 0;
}

void Session::enter(State state) noexcept {
    state_ = state;
    daemons::log::debug([&] {
        return port_.label() + ": client " + client_name() + " is " + std::string(name_of(state)) +
               (backend_ ? " on " + backend_->member : "");
    });
}

void Session::take(BackendPtr claimed) noexcept {
    backend_ = std::move(claimed);
    tally_ = &port_.tally_of(*backend_);
    ++tally_->sessions;
}

void Session::leave() noexcept {
    if (!backend_ || !tally_)  // it has both or neither
        return;
    backend_->connections.fetch_sub(1, std::memory_order_relaxed);
    --tally_->sessions;
    backend_.reset();
    tally_ = nullptr;
}

void Session::connect_to_next() noexcept {
    leave();
    Claim claim = port_.claim(attempt_->tried);
    attempt_->met_full = claim.met_full;
    if (!claim.backend)
        return hold();
    take(std::move(claim.backend));
    attempt_->tried.push_back(backend_.get());
    admission = port_.table().falls_back ? Admission::fallback : Admission::regular;
    if (state_ == State::holding)
        port_.loop().remove(client_.get());
    enter(State::connecting);
    attempt_->connector.start(backend_->address, port_.settings().connect_timeout,
                              port_.settings().tcp);
}

/// Until the port has a backend for it, if that holds anybody.
void Session::hold() noexcept {
    if (const auto refusal = port_.hold(*this))
        return give_up(*refusal);
    if (state_ == State::holding)
        return;
    // That it leaves is to be seen; what it sends waits in the kernel for its backend.
    if (const int error = port_.loop().add(client_.get(), EPOLLRDHUP, *attempt_); error != 0)
        return close(SessionEnd::out_of_resources, std::generic_category().message(error));
    enter(State::holding);
}

void Session::on_client_left() noexcept {
    if (state_ != State::holding)
        return;  // fetched before it went on
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(client_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    close(error == 0 ? SessionEnd::client_closed : SessionEnd::client_failed, "while it was held");
}

std::string Session::why_no_backend() const {
    if (port_.table().eligible.empty())
        return port_.table().why_excluded();
    if (attempt_->met_full)
        return "every member that answers has max_connections_per_backend (" +
               std::to_string(port_.settings().max_connections_per_backend) + ") connections";
    return attempt_->tried.empty() ? "others wait before it" : "none of the eligible answered";
}

void Session::on_connect_failed(int error) noexcept {
    // What we have run out of says nothing of the member, and no other would do better.
    if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM)
        return close(SessionEnd::out_of_resources, std::generic_category().message(error));
    port_.note_unreachable(backend_, error);
    connect_to_next();
}

void Session::on_connected(net::UniqueFd connection) noexcept {
    if (port_.settings().log_sessions)
        own_address_ = net::SocketAddress::local_of(connection.get());
    ++tally_->sessions_total;
    enter(State::relaying);
    port_.on_connected(*this);
    // The connector is calling: it must outlive this event.
    port_.loop().dispose_later(std::move(attempt_));
    relay_.emplace(port_.loop(), port_.buffer(), *this, std::move(client_), std::move(connection));
    relay_->start();
}

void Session::on_relay_end(net::RelayEnd end) noexcept {
    if (end == net::RelayEnd::backend_closed || end == net::RelayEnd::backend_failed)
        port_.report_trouble(backend_);
    close(session_end_of(end));
}

/// The one way out: from here on it is its PortServer's to dispose of.
void Session::close(SessionEnd end, std::string_view detail) noexcept {
    if (state_ == State::closed)
        return;
    if (is_refusal(end))
        port_.note_refused(end, client_name(), detail);
    else
        log_end(end, detail);
    if (tally_) {
        tally_->bytes_from_client += bytes_from_client();
        tally_->bytes_from_backend += bytes_from_backend();
        ++tally_->ended[static_cast<std::size_t>(end)];
    }
    leave();
    enter(State::closed);
    if (attempt_)
        attempt_->connector.cancel();
    client_.reset();
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
