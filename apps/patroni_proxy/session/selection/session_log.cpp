#include "patroni_proxy/session/selection/session_log.h"

#include <optional>

#include "daemon/log/log.h"

namespace proxy {

bool is_logged(SessionEnd end, const PortSettings& settings) {
    return !is_refusal(end) && (settings.log_sessions || !is_orderly(end)) &&
           daemons::log::enabled(daemons::log::Level::info);
}

void log_session_end(const std::string& port, const SessionRecord& session, SessionEnd end,
                     std::string_view detail) {
    const auto known = [](const std::string& name) {
        return name.empty() ? std::nullopt : std::optional(name);
    };
    const Backend* const backend = session.backend.get();
    std::string message = port + ": session ended: ";
    message += describe(end);
    if (!detail.empty())
        message.append(": ").append(detail);
    daemons::log::info({"session_ended", port}, message,
                       {{"client", client_name(session.client)},
                        {"proxy", session.own.to_string()},
                        {"backend", known(backend ? backend->address.to_string() : "")},
                        {"member", known(backend ? backend->member : "")},
                        {"reason", name_of(end)},
                        {"from_client", session.bytes_from_client},
                        {"from_backend", session.bytes_from_backend},
                        {"seconds", session.age},
                        {"id", session.id.text()},
                        {"user", known(session.user)},
                        {"database", known(session.database)},
                        {"application_name", known(session.application)},
                        {"held_seconds", session.held},
                        {"connect_seconds", session.connecting}});
}

}  // namespace proxy
