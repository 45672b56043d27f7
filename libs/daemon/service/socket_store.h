#pragma once

#include <string>
#include <vector>

#include "net/socket/listening_sockets.h"

namespace daemons {

/// systemd keeps listening sockets while the service restarts (FileDescriptorStoreMax= of its unit,
/// man sd_pid_notify_with_fds), and passes those of a .socket unit (man sd_listen_fds). Without
/// systemd it does nothing. Main thread; as service_manager's functions, it waits for systemd.
class SocketStore final : public net::SocketKeeper {
  public:
    [[nodiscard]] std::vector<net::InheritedSocket> inherited() override;
    [[nodiscard]] bool keep(const std::string& name, int socket) override;
    void forget(const std::string& name) override;
    void on_unused(const std::string& name, const net::ListenAddress& address) override;
};

}  // namespace daemons
