// On which sockets the first worker accepts.

#include <algorithm>
#include <exception>
#include <memory>

#include "daemon/log/log.h"
#include "patroni_proxy/proxy.h"

namespace proxy {

/// Sockets of removed ports, and those that moved from one port to another.
void Proxy::stop_accepting_on_old_sockets() {
    const auto is_old = [this](const std::unique_ptr<Acceptor>& acceptor) {
        const auto port = ports_.find(acceptor->port().id);
        return port == ports_.end() ||
               std::find(port->second.sockets.begin(), port->second.sockets.end(),
                         acceptor->socket()) == port->second.sockets.end();
    };
    on_first_worker([&] { std::erase_if(acceptors_, is_old); });
}

void Proxy::accept_on_new_sockets() {
    const auto is_new = [this](const net::ListeningSockets::Socket& socket) {
        return std::none_of(acceptors_.begin(), acceptors_.end(),
                            [&](const auto& each) { return each->socket() == socket; });
    };
    on_first_worker([&] {
        for (const auto& [id, port] : ports_)
            for (const auto& socket : port.sockets) {
                if (!is_new(socket))
                    continue;
                try {
                    acceptors_.push_back(std::make_unique<Acceptor>(workers_, port.port, socket,
                                                                    sockets_.is_shared(socket)));
                    daemons::log::info(
                        {"listening", port.port->label},
                        port.port->label + ": listening on " + socket->address().to_string());
                    acceptors_.back()->take_clients(workers_.front()->takes_clients(id));
                } catch (const std::exception& error) {
                    daemons::log::error({"listen_failed", port.port->label},
                                        port.port->label + ": " + error.what());
                }
            }
    });
}

}  // namespace proxy
