#include "patroni_proxy/port_server.h"

#include <algorithm>
#include <utility>

#include "patroni_proxy/backend_picker.h"

namespace proxy {

PortServer::PortServer(WorkerContext worker, std::string label)
    : worker_(worker), label_(std::move(label)), table_(std::make_shared<const BackendTable>()) {}

void PortServer::use(BackendTablePtr table) {
    table_ = std::move(table);
    // From the back: a session that ends gives its place to the last one, which was looked at.
    for (std::size_t i = sessions_.size(); i-- > 0;) {
        Session& session = *sessions_[i];
        if (session.backend() && !table_->keeps_sessions_of(session.backend()))
            session.leave_backend("the member may no longer serve: " +
                                  table_->why_excluded(session.backend()->member));
    }
}

void PortServer::serve(net::UniqueFd client, const net::SocketAddress& client_address) {
    sessions_.push_back(std::make_unique<Session>(*this, std::move(client), client_address));
    sessions_.back()->index = sessions_.size() - 1;
    sessions_.back()->start();
}

BackendPtr PortServer::pick(const std::vector<const Backend*>& tried) {
    return pick_backend(*table_, tried, turn_++);
}

void PortServer::on_closed(Session& session) {
    const std::size_t index = session.index;
    worker_.loop.dispose_later(std::exchange(sessions_[index], std::move(sessions_.back())));
    if (sessions_[index])
        sessions_[index]->index = index;
    sessions_.pop_back();
    worker_.sessions.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace proxy
