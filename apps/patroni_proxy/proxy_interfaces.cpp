// The sockets for operators and their tools, and what answers on them.

#include <utility>

#include "daemon/log/log.h"
#include "patroni_proxy/haproxy/runtime/runtime_commands.h"
#include "patroni_proxy/proxy.h"

namespace proxy {
namespace {

/// Only this host's operators and their scripts use it.
constexpr unsigned kControlConnections = 128;

bool has_control_socket(const Config& config) {
    return config.control && config.control->socket;
}

net::ListenOptions options_of(const OperatorSocket& socket) {
    return {.unix_mode = socket.mode, .unix_group = socket.group};
}

void tell(const char* whose, const net::ListeningSockets::Socket& socket) {
    daemons::log::info({"listening"},
                       std::string(whose) + ": listening on " + socket->address().to_string());
}

}  // namespace

net::SocketRequest Proxy::request_for(const Config& config, const std::string& owner,
                                      const net::ListenAddress& address,
                                      const net::ListenOptions& options) {
    const auto place = config.listen_places.find(address.to_string());
    return {owner, address, options, place == config.listen_places.end() ? "" : place->second};
}

/// The HTTP API, then the control socket and HAProxy's, if they are configured.
std::vector<net::SocketRequest> Proxy::own_requests(const Config& config) {
    std::vector<net::SocketRequest> requests{
        request_for(config, "HTTP API", config.listen_address,
                    {.unix_mode = config.http.listen_mode, .freebind = config.freebind})};
    if (has_control_socket(config))
        requests.push_back(
            request_for(config, "control", *config.control->socket, options_of(*config.control)));
    if (config.haproxy.socket)
        requests.push_back(request_for(config, "HAProxy socket", *config.haproxy.socket,
                                       options_of(config.haproxy)));
    return requests;
}

/// Only those whose socket or options are new; the others keep running.
Proxy::Interfaces Proxy::new_interfaces(const Config& config,
                                        const net::ListeningSockets::Prepared& sockets) {
    Interfaces interfaces;
    auto next = sockets.begin();
    if (!interfaces_.http || interfaces_.http->socket() != *next || !(config.http == config_.http))
        interfaces.http =
            serve_api(*next, config.http.options,
                      {.everybody = false,
                       .token = config.http.control_token,
                       .has_certificates =
                           config.http.options.tls && !config.http.options.tls->client_ca.empty()},
                      {});
    ++next;
    if (has_control_socket(config)) {
        if (!interfaces_.control || interfaces_.control->socket() != *next)
            interfaces.control =
                serve_api(*next, {}, {.everybody = true}, {.connections = kControlConnections});
        ++next;
    }
    if (config.haproxy.socket && (!interfaces_.haproxy || interfaces_.haproxy->socket() != *next))
        interfaces.haproxy = serve_haproxys_tools(*next);
    return interfaces;
}

/// A server that is replaced may have been asked for this very reload: it stays until it has given
/// its answer.
void Proxy::use_interfaces(Interfaces interfaces, const Config& config) {
    interfaces_changed_ |= interfaces.http || interfaces.control || interfaces.haproxy;
    const auto replace = [this](std::unique_ptr<AdminServer>& former,
                                std::unique_ptr<AdminServer> server) {
        if (former)
            former->stop_accepting();
        former_servers_.push_back(std::exchange(former, std::move(server)));
    };
    if (interfaces.http)
        replace(interfaces_.http, std::move(interfaces.http));
    if (interfaces.control || !has_control_socket(config))
        replace(interfaces_.control, std::move(interfaces.control));
    if (interfaces.haproxy || !config.haproxy.socket)
        interfaces_.haproxy = std::move(interfaces.haproxy);
}

void Proxy::log_interfaces() {
    if (!std::exchange(interfaces_changed_, false))
        return;
    tell("HTTP API", interfaces_.http->socket());
    if (interfaces_.control)
        tell("control", interfaces_.control->socket());
    if (interfaces_.haproxy)
        tell("HAProxy socket", interfaces_.haproxy->socket());
}

std::unique_ptr<AdminServer> Proxy::serve_api(AdminServer::Socket socket,
                                              const daemons::HttpOptions& options,
                                              const ControlAccess& access,
                                              const daemons::HttpLimits& limits) {
    return std::make_unique<AdminServer>(std::move(socket), admin_requests(access), options,
                                         limits);
}

std::uint64_t Proxy::face_descriptors(const Config& config) {
    return daemons::HttpLimits::affordable_connections() +
           (has_control_socket(config) ? kControlConnections : 0) +
           (config.haproxy.socket ? haproxy::RuntimeServer::kMaxClients : 0);
}

/// A unix socket's mode says who may make changes; over TCP anybody on this host could.
std::unique_ptr<haproxy::RuntimeServer> Proxy::serve_haproxys_tools(
    net::ListeningSockets::Socket socket) {
    using Access = haproxy::RuntimeCommands::Access;
    const auto access = socket->address().is_unix() ? Access::change : Access::read;
    const auto commands = std::make_shared<haproxy::RuntimeCommands>(control_, access);
    return std::make_unique<haproxy::RuntimeServer>(
        main_loop_, std::move(socket),
        [commands](const haproxy::Words& command, const std::string& client,
                   const haproxy::RuntimeServer::Reply& reply) {
            commands->run(command, client, reply);
        },
        access == Access::change
            ? [this](
                  net::UniqueFd connection,
                  const std::string& client) { hand_over_listeners(std::move(connection), client); }
            : haproxy::RuntimeServer::HandOver{});
}

/// Moves requests from the API's thread to the main one.
AdminRequests Proxy::admin_requests(const ControlAccess& access) {
    return {.update_clusters =
                [this](AdminRequests::UpdateDone done) {
                    main_loop_.post([this, done = std::move(done)] { update_all(done); });
                },
            .report =
                [this](AdminRequests::ReportDone done) {
                    main_loop_.post([this, done = std::move(done)] { done(report()); });
                },
            .list_sessions =
                [this](const SessionFilter& filter, SessionWriter write,
                       AdminRequests::SessionsDone done) {
                    main_loop_.post(
                        [this, filter, write = std::move(write), done = std::move(done)]() mutable {
                            open_sessions_.list(filter, std::move(write), std::move(done));
                        });
                },
            .refuse_sessions =
                [access](const daemons::HttpRequest& request) {
                    return refuse_sessions(request, access);
                },
            .control =
                [this, access](const daemons::HttpRequest& request,
                               const daemons::HttpServer::Reply& reply) {
                    return control_api_.handle(request, reply, access);
                }};
}

}  // namespace proxy
