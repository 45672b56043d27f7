#include "patroni_proxy/control/control_api.h"

#include <utility>

#include "daemon/text/json.h"
#include "daemon/text/words.h"
#include "net/socket/network.h"
#include "net/socket/socket_address.h"
#include "patroni_proxy/control/control_request.h"

namespace proxy {
namespace {

using daemons::HttpRequest;
using daemons::HttpResponse;
using daemons::Json;
using Reply = daemons::HttpServer::Reply;
using Verb = ControlRequest::Verb;

HttpResponse json_answer(int status, const Json& json) {
    return {status, json.text(), {{"Content-Type", "application/json"}}};
}

HttpResponse error_answer(int status, const std::string& error) {
    auto answer = json_answer(status, Json::object().add("error", error));
    if (status == 405)
        answer.headers["Allow"] = "POST";
    return answer;
}

int status_of(Outcome::Problem problem) {
    switch (problem) {
        case Outcome::Problem::none:
            return 200;
        case Outcome::Problem::unknown_name:
            return 404;
        case Outcome::Problem::bad_value:
            return 400;
        case Outcome::Problem::conflict:
            return 409;
    }
    return 500;
}

HttpResponse answer_of(const Outcome& outcome) {
    if (!outcome.ok())
        return error_answer(status_of(outcome.problem), outcome.message);
    return json_answer(
        200, Json::object().add("changed", outcome.changed).add("message", outcome.message));
}

HttpResponse answer_of(const ReloadOutcome& outcome) {
    if (!outcome.error.empty())
        return error_answer(422, outcome.error);
    return json_answer(200, Json::object()
                                .add("changed", !outcome.changes.empty())
                                .add("message", summary_of(outcome))
                                .add("changes", outcome.changes)
                                .add("taken", outcome.taken));
}

Caller caller_of(const HttpRequest& request) {
    if (const auto& process = request.peer.process)
        return {"uid " + std::to_string(process->uid) + ", pid " + std::to_string(process->pid)};
    return {"HTTP API " + request.peer.address};
}

Outcome carry_out(Control& control, const ControlRequest& request, const Caller& caller) {
    const auto& [verb, cluster, name, terms, port, sessions, level, filter, listeners] = request;
    switch (verb) {
        case Verb::drain:
            return control.drain(cluster, name, port, terms, caller);
        case Verb::ready:
            return control.ready(cluster, name, port, caller);
        case Verb::cap:
            return control.cap(cluster, name, sessions, terms, caller);
        case Verb::hold:
            return control.hold(cluster, name, terms, caller);
        case Verb::release:
            return control.release(cluster, name, caller);
        case Verb::disable:
            return control.disable(cluster, name, terms, caller);
        case Verb::enable:
            return control.enable(cluster, name, caller);
        case Verb::freeze:
            return control.freeze(cluster, terms, caller);
        case Verb::unfreeze:
            return control.unfreeze(cluster, caller);
        case Verb::log_level:
            return control.set_log_level(level, caller);
        case Verb::close:
        case Verb::reload:
        case Verb::upgrade:
            break;  // answered later, by another kind of outcome
    }
    return {};
}

/// Takes equally long wherever the two differ.
bool equal(const std::string& a, const std::string& b) {
    if (a.size() != b.size())
        return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
    return difference == 0;
}

bool has_token(const HttpRequest& request, const ControlAccess& access) {
    return !access.token.empty() && equal(request.authorization, "Bearer " + access.token);
}

/// A page that has its own name lead here (DNS rebinding) asks for that name.
bool names_this_host(const std::string& host) {
    return host.empty() || host == "localhost" || host.starts_with("localhost:") ||
           net::SocketAddress::from_ip(host, 0) || net::SocketAddress::parse(host);
}

/// Over a unix socket, or a loopback address; and not for somebody else, as a proxy on this host
/// asks.
bool is_from_this_host(const HttpRequest& request) {
    static const auto v4 = net::Network::parse("127.0.0.0/8").value();
    static const auto v6 = net::Network::parse("::1").value();
    if (request.is_forwarded)
        return false;
    if (request.peer.process)
        return true;
    if (!names_this_host(request.host))
        return false;
    const auto address = net::SocketAddress::from_ip(request.peer.address, 0);
    return address && (v4.contains(*address) || v6.contains(*address));
}

HttpResponse unauthorized(int status, const std::string& error) {
    auto answer = error_answer(status, error);
    if (status == 401)
        answer.headers["WWW-Authenticate"] = "Bearer";
    return answer;
}

}  // namespace

std::optional<HttpResponse> refuse_sessions(const HttpRequest& request,
                                            const ControlAccess& access) {
    if (access.everybody || access.has_certificates || is_from_this_host(request) ||
        has_token(request, access))
        return std::nullopt;
    return unauthorized(access.token.empty() ? 403 : 401,
                        "sessions are shown on the proxy's host, asked for by address or as "
                        "localhost and through no other proxy, or here to clients with a "
                        "certificate (http_tls: client_ca) or the token of "
                        "http_control_token_file");
}

std::optional<HttpResponse> refuse_access(const HttpRequest& request, const ControlAccess& access) {
    if (access.everybody)
        return std::nullopt;
    if (access.token.empty())
        return error_answer(403,
                            "changes are made through the control socket, or here with "
                            "http_control: true in the configuration");
    if (has_token(request, access))
        return std::nullopt;
    return unauthorized(401,
                        "a change needs the header Authorization: Bearer TOKEN, with the token of "
                        "http_control_token_file");
}

bool ControlApi::handle(const HttpRequest& request, const Reply& reply,
                        const ControlAccess& access) const {
    if (!is_control_path(request.path))
        return false;
    if (auto refused = refuse_access(request, access)) {
        reply(*refused);
        return true;
    }
    auto parsed = parse_control_request(request.method, request.path, request.query);
    if (!parsed.request) {
        reply(error_answer(parsed.status, parsed.error));
        return true;
    }
    main_loop_.post([&control = control_, reply, asked = *std::move(parsed.request),
                     caller = caller_of(request)] {
        if (asked.verb == Verb::reload)
            return control.reload(asked.listeners, caller, [reply](const ReloadOutcome& outcome) {
                reply(answer_of(outcome));
            });
        if (asked.verb == Verb::upgrade)
            return control.upgrade(caller,
                                   [reply](const Outcome& outcome) { reply(answer_of(outcome)); });
        if (asked.verb == Verb::close)
            return control.close_sessions(asked.filter, caller, [reply](std::size_t closed) {
                reply(json_answer(
                    200, Json::object()
                             .add("changed", closed > 0)
                             .add("message", daemons::counted(closed, "session") + " closed")
                             .add("closed", std::uint64_t{closed})));
            });
        const Outcome outcome = carry_out(control, asked, caller);
        if (!outcome.ok())
            return reply(answer_of(outcome));
        control.when_in_force([reply, outcome] { reply(answer_of(outcome)); });
    });
    return true;
}

}  // namespace proxy
