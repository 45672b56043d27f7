#include "patroni_proxy/workers/acceptor.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "daemon/log/log.h"

namespace proxy {

Acceptor::Acceptor(std::vector<std::unique_ptr<Worker>>& workers, PortPtr port, Socket socket)
    : workers_(workers),
      port_(std::move(port)),
      socket_(std::move(socket)),
      listener_(workers.front()->loop(), *socket_, *this) {}

void Acceptor::on_accept(net::UniqueFd connection, const net::SocketAddress& peer) noexcept {
    const auto& least_loaded =
        *std::min_element(workers_.begin(), workers_.end(),
                          [](const auto& a, const auto& b) { return a->load() < b->load(); });
    least_loaded->serve(port_->id, std::move(connection), peer);
}

void Acceptor::on_accept_paused(int error) noexcept {
    // This may happen at every connection, for hours: hence the throttle.
    pauses_.log(daemons::log::Level::error, {"accept_paused", port_->label}, [&] {
        return port_->label +
               ": accepting pauses until there is room: " + std::generic_category().message(error);
    });
}

}  // namespace proxy
