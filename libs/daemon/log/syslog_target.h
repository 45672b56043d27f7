#pragma once

#include <span>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>

#include "daemon/log/log_target.h"
#include "net/socket/listen_address.h"
#include "net/socket/unique_fd.h"

namespace daemons::log {

/// Sends each line as one datagram to a syslog server, as RFC 5424 says:
///   <30>1 2026-11-21T05:03:24.123456Z host patroni_proxy 4711 session_ended - LINE
/// over UDP (RFC 5426) or to the unix socket of a server on this host. After the server restarts,
/// the next line reaches it. UDP does not tell whether a server listens.
///
/// POCO's RemoteSyslogChannel is not used: it has no unix sockets, asks DNS for this host's name,
/// and cannot write the event's name as MSGID.
class SyslogTarget final : public Target {
  public:
    /// Throws std::runtime_error if `address` is invalid.
    SyslogTarget(const std::string& address, int facility);

    [[nodiscard]] Written write(std::span<const Record> records) override;
    [[nodiscard]] std::string name() const override;

  private:
    [[nodiscard]] int send(const Record& record);

    const std::string address_;
    const int facility_;
    sockaddr_storage to_{};
    socklen_t size_ = 0;
    std::string origin_;  ///< " HOSTNAME APP-NAME PROCID "
    net::UniqueFd socket_;
};

}  // namespace daemons::log
