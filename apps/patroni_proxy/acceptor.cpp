#include "patroni_proxy/acceptor.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "daemon/log.h"

namespace proxy {

Acceptor::Acceptor(std::vector<std::unique_ptr<Worker>>& workers, std::size_t port,
                   std::string label, const net::ListeningSocket& socket)
    : workers_(workers),
      port_(port),
      label_(std::move(label)),
      listener_(workers.front()->loop(), socket, *this) {}

void Acceptor::on_accept(net::UniqueFd connection, const net::SocketAddress& peer) noexcept {
    paused_ = false;
    const auto& least_loaded =
        *std::min_element(workers_.begin(), workers_.end(),
                          [](const auto& a, const auto& b) { return a->load() < b->load(); });
    least_loaded->serve(port_, std::move(connection), peer);
}

void Acceptor::on_accept_paused(int error) noexcept {
    if (!std::exchange(paused_, true))
        daemons::log::error(label_ + ": accepting pauses until there is room: " +
                            std::generic_category().message(error));
}

}  // namespace proxy
