#pragma once

#include <optional>
#include <string>

#include "daemon/http/http_server.h"
#include "net/loop/event_loop.h"
#include "patroni_proxy/control/control.h"

namespace proxy {

/// Who may use verbs on one HTTP server, and see the sessions.
struct ControlAccess {
    /// Whoever may open the unix socket may do both.
    bool everybody = false;
    /// With this in `Authorization: Bearer TOKEN`; empty: nobody.
    std::string token{};
    /// Every client has shown a certificate that the file asks for: it may see the sessions.
    bool has_certificates = false;
};

/// Answers the requests for verbs, on the control socket and on the HTTP API. Any thread: the verbs
/// run on the main thread, and the answer follows once they are in force.
class ControlApi {
  public:
    /// Borrows both.
    ControlApi(net::EventLoop& main_loop, Control& control)
        : main_loop_(main_loop), control_(control) {}

    /// False if the path is not one of a verb: then it answers nothing.
    bool handle(const daemons::HttpRequest& request, const daemons::HttpServer::Reply& reply,
                const ControlAccess& access) const;

  private:
    net::EventLoop& main_loop_;
    Control& control_;
};

/// Why a request is refused; nothing if its verb may be used. Pure.
[[nodiscard]] std::optional<daemons::HttpResponse> refuse_access(
    const daemons::HttpRequest& request, const ControlAccess& access);
/// Why a request for the sessions is refused; nothing if it comes from this host, or with the token
/// or a certificate: sessions tell the addresses, users and databases of clients. Pure.
[[nodiscard]] std::optional<daemons::HttpResponse> refuse_sessions(
    const daemons::HttpRequest& request, const ControlAccess& access);

}  // namespace proxy
