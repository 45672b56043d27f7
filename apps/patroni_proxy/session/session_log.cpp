#include "patroni_proxy/session/session_log.h"

#include "daemon/log/log.h"

namespace proxy {

bool is_logged(SessionEnd end, const PortSettings& settings) {
    return !is_refusal(end) && (settings.log_sessions || !is_orderly(end)) &&
           daemons::log::enabled(daemons::log::Level::info);
}

void log_session_end(const std::string& port, const SessionRecord& session, SessionEnd end,
                     std::string_view detail) {
    const auto known = [](const std::string& name) { return name.empty() ? "-" : name; };
    const Backend* const backend = session.backend.get();
    std::string message = port + ": session ended: ";
    message += describe(end);
    if (!detail.empty())
        message.append(": ").append(detail);
    daemons::log::info(message, {{"client", client_name(session.client)},
                                 {"proxy", session.own.to_string()},
                                 {"backend", backend ? backend->address.to_string() : "-"},
                                 {"member", backend ? backend->member : "-"},
                                 {"reason", std::string(name_of(end))},
                                 {"from_client", std::to_string(session.bytes_from_client)},
                                 {"from_backend", std::to_string(session.bytes_from_backend)},
                                 {"seconds", std::to_string(session.age)},
                                 {"id", session.id.text()},
                                 {"user", known(session.user)},
                                 {"database", known(session.database)},
                                 {"application_name", known(session.application)},
                                 {"held_seconds", std::to_string(session.held)},
                                 {"connect_seconds", std::to_string(session.connecting)}});
}

}  // namespace proxy
