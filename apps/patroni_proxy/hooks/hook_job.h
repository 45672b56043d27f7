#pragma once

#include <string>

#include "patroni_proxy/history/history.h"
#include "patroni_proxy/hooks/command_run.h"

namespace proxy::hooks {

/// One run of the hook. A value.
struct HookJob {
    std::string event;        ///< "leader", "port" or "ended"
    std::string subject;      ///< "main" or "main/rw", for the log
    Environment environment;  ///< PATRONI_PROXY_EVENT, ...
    std::string json;         ///< the same with the record, for stdin or the body of the request
};
/// Pure.
[[nodiscard]] HookJob job_of(const history::History::News& news);

}  // namespace proxy::hooks
