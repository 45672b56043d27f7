#include "patroni_proxy/report/sessions_json.h"

#include <optional>
#include <string_view>
#include <sys/socket.h>

#include "daemon/text/iso_time.h"
#include "daemon/text/json.h"

namespace proxy {
namespace {

using daemons::Json;

/// Nothing is known where there is no text.
std::optional<std::string> known(std::string_view text) {
    return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

std::optional<std::string> known(const net::SocketAddress& address) {
    return address.family() == AF_UNSPEC ? std::nullopt
                                         : std::optional<std::string>(address.to_string());
}

Json json_of(const SessionRecord& session, double now) {
    const Backend* const backend = session.backend.get();
    return Json::object()
        .add("id", session.id.text())
        .add("cluster", session.cluster)
        .add("port", session.port)
        .add("client", client_name(session.client))
        .add("member", backend ? std::optional(backend->member) : std::nullopt)
        .add("backend", backend ? known(backend->address) : std::nullopt)
        .add("own_address", known(session.own))
        .add("user", known(session.user))
        .add("database", known(session.database))
        .add("application_name", known(session.application))
        .add("state", std::string(session.state))
        .add("busy", session.busy)
        .add("started_at", now - session.age)
        .add("started_at_iso", daemons::iso_time(now - session.age))
        .add("age", session.age)
        .add("idle", session.idle)
        .add("bytes_from_client", session.bytes_from_client)
        .add("bytes_from_backend", session.bytes_from_backend)
        .add("held_for", session.held)
        .add("connected_in", session.connecting)
        .add("by_fallback", session.by_fallback);
}

}  // namespace

std::string sessions_json(const SessionList& list, double now) {
    Json sessions = Json::list();
    for (const auto& session : list.sessions)
        sessions.append(json_of(session, now));
    return Json::object()
        .add("sessions", sessions)
        .add("total", list.total)
        .add("truncated", list.total > list.sessions.size())
        .text();
}

}  // namespace proxy
