#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/event_loop.h"
#include "net/relay.h"
#include "net/socket_address.h"
#include "net/unique_fd.h"
#include "patroni_proxy/backend_table.h"
#include "patroni_proxy/session.h"

namespace proxy {

/// What a worker lends to its ports. All of it belongs to the worker and outlives them.
struct WorkerContext {
    net::EventLoop& loop;
    net::RelayBuffer& buffer;            ///< shared by its relays
    std::atomic<std::size_t>& sessions;  ///< counted up by who hands one over, down at its end
};

/// One port on one worker: its current table and its own sessions. Loop thread only.
class PortServer {
  public:
    /// `label` is "cluster/port", for the log.
    PortServer(WorkerContext worker, std::string label);
    PortServer(const PortServer&) = delete;
    PortServer& operator=(const PortServer&) = delete;

    /// The table is swapped first and sessions are cut second, so that none can begin on a member
    /// that is going away.
    void use(BackendTablePtr table);
    void serve(net::UniqueFd client, const net::SocketAddress& client_address);

    // For its sessions.
    [[nodiscard]] BackendPtr pick(const std::vector<const Backend*>& tried);
    void on_closed(Session& session);
    [[nodiscard]] net::EventLoop& loop() noexcept { return worker_.loop; }
    [[nodiscard]] net::RelayBuffer& buffer() noexcept { return worker_.buffer; }
    [[nodiscard]] const std::string& label() const noexcept { return label_; }
    [[nodiscard]] const BackendTable& table() const noexcept { return *table_; }

  private:
    const WorkerContext worker_;
    const std::string label_;
    BackendTablePtr table_;
    std::vector<std::unique_ptr<Session>> sessions_;
    std::size_t turn_ = 0;
};

}  // namespace proxy
