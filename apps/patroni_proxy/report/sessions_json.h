#pragma once

#include <string>

#include "patroni_proxy/session/selection/session_record.h"

namespace proxy {

/// The answer to GET /sessions: {"sessions": [...], "total": N, "truncated": false}. `now` is Unix
/// time. Pure.
[[nodiscard]] std::string sessions_json(const SessionList& list, double now);

}  // namespace proxy
