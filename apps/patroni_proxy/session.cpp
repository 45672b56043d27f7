#include "patroni_proxy/session.h"

#include <string>
#include <system_error>
#include <utility>

#include "daemon/log.h"
#include "patroni_proxy/port_server.h"

namespace proxy {
namespace {

// A host that is gone answers nothing; the next member can still serve before most clients give up.
constexpr std::chrono::seconds kConnectTimeout{4};

std::string_view describe(net::RelayEnd end) {
    switch (end) {
        case net::RelayEnd::client_closed:
            return "closed by the client";
        case net::RelayEnd::backend_closed:
            return "closed by the backend";
        case net::RelayEnd::client_failed:
            return "the client's connection broke";
        case net::RelayEnd::backend_failed:
            return "the backend's connection broke";
        case net::RelayEnd::out_of_resources:
            return "out of kernel resources";
    }
    return "closed";
}

std::string_view name_of(Session::State state) {
    switch (state) {
        case Session::State::accepted:
            return "accepted";
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
    hold(nullptr);
}

void Session::start() noexcept {
    attempt_ = std::make_unique<Attempt>(port_.loop(), *this);
    connect_to_next();
}

void Session::leave_backend(std::string_view reason) noexcept {
    if (state_ == State::connecting) {
        attempt_->connector.cancel();
        connect_to_next();
        return;
    }
    relay_->abort();
    close(reason);
}

void Session::enter(State state) noexcept {
    state_ = state;
    daemons::log::debug([&] {
        return port_.label() + ": client " + client_address_.to_string() + " is " +
               std::string(name_of(state)) + (backend_ ? " on " + backend_->member : "");
    });
}

/// Counts this session on `backend`, and no longer on the one before.
void Session::hold(BackendPtr backend) noexcept {
    if (backend_)
        backend_->connections.fetch_sub(1, std::memory_order_relaxed);
    backend_ = std::move(backend);
    if (backend_)
        backend_->connections.fetch_add(1, std::memory_order_relaxed);
}

void Session::connect_to_next() noexcept {
    hold(port_.pick(attempt_->tried));
    if (!backend_) {
        // The first under each table is told; the feed tells how many there were.
        if (port_.table().refused.fetch_add(1, std::memory_order_relaxed) == 0)
            daemons::log::warning(port_.label() + ": client " + client_address_.to_string() +
                                  " refused: no backends available: " +
                                  (attempt_->tried.empty() ? port_.table().why_excluded()
                                                           : "none of the eligible answered"));
        close("no backends available");
        return;
    }
    attempt_->tried.push_back(backend_.get());
    enter(State::connecting);
    attempt_->connector.start(backend_->address, kConnectTimeout);
}

void Session::on_connect_failed(int error) noexcept {
    daemons::log::warning(port_.label() + ": " + backend_->member + " at " +
                          backend_->address.to_string() +
                          " cannot be reached: " + std::generic_category().message(error));
    connect_to_next();
}

void Session::on_connected(net::UniqueFd connection) noexcept {
    enter(State::relaying);
    // The connector is calling: it must outlive this event.
    port_.loop().dispose_later(std::move(attempt_));
    relay_.emplace(port_.loop(), port_.buffer(), *this, std::move(client_), std::move(connection));
    relay_->start();
}

void Session::on_relay_end(net::RelayEnd end) noexcept {
    close(describe(end));
}

void Session::close(std::string_view reason) noexcept {
    if (state_ == State::closed)
        return;
    daemons::log::debug([&] {
        return port_.label() + ": client " + client_address_.to_string() + ": " +
               std::string(reason);
    });
    enter(State::closed);
    if (attempt_)
        attempt_->connector.cancel();
    client_.reset();
    hold(nullptr);
    port_.on_closed(*this);
}

}  // namespace proxy
