#include "patroni_proxy/workers/acceptor.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>
#include <utility>

#include "daemon/log/log.h"

namespace proxy {

static constexpr std::chrono::seconds kListenInterval{1};

Acceptor::Acceptor(std::vector<std::unique_ptr<Worker>>& workers, PortPtr port, Socket socket,
                   bool is_shared)
    : workers_(workers),
      port_(std::move(port)),
      socket_(std::move(socket)),
      is_shared_(is_shared),
      retry_(workers.front()->loop().timers(), [this] { listen_again(); }) {
    // It refuses clients if its former port did.
    if (const int error = socket_->is_listening() ? 0 : socket_->listen(); error != 0)
        throw std::system_error(error, std::generic_category(),
                                "cannot listen on " + socket_->address().to_string());
    begin_accepting();
}

void Acceptor::begin_accepting() {
    net::AcceptHandler& handler = *this;
    listener_.emplace(workers_.front()->loop(), *socket_, handler);
}

void Acceptor::take_clients(bool takes) noexcept {
    if (takes) {
        if (!listener_)
            listen_again();
        return;
    }
    retry_.cancel();
    if (!listener_ || is_shared_ || socket_->address().is_unix())
        return;
    listener_.reset();  // the loop would see the socket hang up
    socket_->refuse();
    daemons::log::info({"port_refuses", port_->label}, port_->label + ": refuses connections to " +
                                                           socket_->address().to_string() +
                                                           " until it has a backend");
}

void Acceptor::share() noexcept {
    is_shared_ = true;
    take_clients(true);
}

void Acceptor::listen_again() noexcept {
    std::string problem;
    if (const int error = socket_->listen(); error != 0) {
        problem = std::generic_category().message(error);
    } else {
        try {
            begin_accepting();
            return daemons::log::info({"port_takes_clients", port_->label},
                                      port_->label + ": takes connections to " +
                                          socket_->address().to_string() + " again");
        } catch (const std::system_error& failure) {
            problem = failure.what();
        }
    }
    retry_.arm(kListenInterval);
    failures_.log(daemons::log::Level::error, {"listen_failed", port_->label}, [&] {
        return port_->label + ": cannot listen on " + socket_->address().to_string() +
               " again: " + problem;
    });
}

void Acceptor::on_accept(net::UniqueFd connection, const net::SocketAddress& peer) noexcept {
    const auto& least_loaded =
        *std::min_element(workers_.begin(), workers_.end(),
                          [](const auto& a, const auto& b) { return a->load() < b->load(); });
    least_loaded->serve(port_->id, std::move(connection), peer);
}

void Acceptor::on_accept_paused(int error) noexcept {
    if (error == EINVAL) {
        // As a HAProxy does that has taken this socket over, and is told to disable its frontend.
        const int failed = socket_->listen();
        return pauses_.log(daemons::log::Level::warning, {"listening_stopped", port_->label}, [&] {
            return port_->label + ": another process stopped " + socket_->address().to_string() +
                   (failed == 0 ? " listening; it listens again"
                                : " listening: " + std::generic_category().message(failed));
        });
    }
    // This may happen at every connection, for hours: hence the throttle.
    pauses_.log(daemons::log::Level::error, {"accept_paused", port_->label}, [&] {
        return port_->label +
               ": accepting pauses until there is room: " + std::generic_category().message(error);
    });
}

}  // namespace proxy
