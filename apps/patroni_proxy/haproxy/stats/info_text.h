#pragma once

#include <string>

#include "patroni_proxy/report/report.h"

namespace proxy::haproxy {

/// The process as `show info` tells it: "Name: value" lines by HAProxy's names, without the empty
/// line that closes an answer. Only what has a meaning here, and what hatop, haproxy_exporter and
/// Datadog refuse to go without. Pure.
[[nodiscard]] std::string info_text(const ProxyReport& report);

/// "0d 1h02m03s", as HAProxy writes an uptime of so many seconds.
[[nodiscard]] std::string uptime_text(double seconds);

}  // namespace proxy::haproxy
