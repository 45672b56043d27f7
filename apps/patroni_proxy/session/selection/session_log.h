#pragma once

#include <string>
#include <string_view>

#include "patroni_proxy/host/port_settings.h"
#include "patroni_proxy/host/session_end.h"
#include "patroni_proxy/session/selection/session_record.h"

// The log line of a session that ended. Any thread.
namespace proxy {

/// Whether it has a line: not if it was refused, which the port logs in sums; not if log.sessions
/// is off and nothing went wrong.
[[nodiscard]] bool is_logged(SessionEnd end, const PortSettings& settings);

/// `port` is "cluster/port"; `detail` says more than the reason does, or is empty.
void log_session_end(const std::string& port, const SessionRecord& session, SessionEnd end,
                     std::string_view detail);

}  // namespace proxy
