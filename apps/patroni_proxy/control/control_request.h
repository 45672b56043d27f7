#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/log/log.h"
#include "patroni_proxy/control/control.h"

namespace proxy {

/// A verb with all that belongs to it, as it stands in a request.
struct ControlRequest {
    enum class Verb : std::uint8_t {
        drain,
        ready,
        cap,
        hold,
        release,
        disable,
        enable,
        freeze,
        unfreeze,
        reload,
        upgrade,
        log_level,
        close,
    };

    Verb verb = Verb::reload;
    std::string cluster{};
    std::string name{};                       ///< of the member or port
    DrainTerms terms{};                       ///< `why` and `for` of every verb that sets something
    std::optional<std::string> port{};        ///< of drain and ready
    std::optional<std::uint32_t> sessions{};  ///< of cap; empty: "none"
    daemons::log::Level level{};              ///< of log_level
    SessionFilter filter{};                   ///< of close
    std::string listeners{};                  ///< of reload: see Control::reload()
};

/// A request, or why there is none.
struct ParsedRequest {
    std::optional<ControlRequest> request;
    int status = 400;   ///< of HTTP, if there is no request
    std::string error;  ///< one sentence
};

/// Whether this path is one of a verb, whatever else the request says: POST
/// /members/CLUSTER/MEMBER/drain, /ports/CLUSTER/PORT/hold, /clusters/CLUSTER/freeze, /reload,
/// /upgrade, /log_level, /sessions/close.
[[nodiscard]] bool is_control_path(std::string_view path);
/// Path and query are decoded already. Pure: names are checked by Control.
[[nodiscard]] ParsedRequest parse_control_request(const std::string& method,
                                                  const std::string& path,
                                                  const std::map<std::string, std::string>& query);

}  // namespace proxy
