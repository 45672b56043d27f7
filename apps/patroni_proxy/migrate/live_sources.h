#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/socket/listen_address.h"
#include "patroni/rest/resolver.h"
#include "patroni/rest/rest_client.h"
#include "patroni/result.h"
#include "patroni_proxy/cli/client/control_client.h"
#include "patroni_proxy/report/report.h"

namespace proxy::migrate {

/// Where HAProxy tells its statistics.
struct HaproxySource {
    /// The path of a stats socket (also "unix:PATH"), or the URL of a statistics page:
    /// "http://10.0.0.5:7000/stats", "https://user:password@lb1:7000/stats".
    std::string address;
    std::string password_file = {};  ///< its first line is USER:PASSWORD; empty: as in the URL
    patroni::TlsSettings tls = {};
};

/// Asks HAProxy and our HTTP API while they run. Nothing is sent but questions: `show stat` and
/// GET. Blocks, two seconds at most per question; one thread.
class LiveSources {
  public:
    /// `api`: IP:PORT of our HTTP API, or the path of our control socket. Throws std::runtime_error
    /// for a URL or a file that cannot be used. No message ever has the password.
    LiveSources(const HaproxySource& haproxy, const std::string& api);

    /// The CSV of `show stat`.
    [[nodiscard]] patroni::Result<std::string> stat();
    /// What GET /status says.
    [[nodiscard]] patroni::Result<ProxyReport> status();
    /// Numeric addresses of a host; empty if it cannot be looked up.
    [[nodiscard]] std::vector<std::string> addresses_of(const std::string& host);

  private:
    [[nodiscard]] patroni::Result<std::string> get_page();

    std::string socket_;  // empty if HAProxy is asked over HTTP
    patroni::Endpoint page_;
    std::string page_path_;
    cli::ControlClient api_;
    std::shared_ptr<patroni::Resolver> resolver_ = std::make_shared<patroni::Resolver>();
    std::optional<patroni::RestClient> client_;
};

/// What to connect to for an address that is listened on: "0.0.0.0" is this host.
[[nodiscard]] std::string reachable(const net::ListenAddress& address);

}  // namespace proxy::migrate
