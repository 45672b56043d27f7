#pragma once

#include <string>

#include "patroni_proxy/report/report.h"

namespace proxy::haproxy {

/// What `show info` says of the process: "Name: value" lines by HAProxy's names, without the empty
/// line that ends an answer. Only what has a meaning here, and what hatop, haproxy_exporter and
/// Datadog cannot do without. Pure.
[[nodiscard]] std::string info_text(const ProxyReport& report);

/// "0d 1h02m03s", as HAProxy writes an uptime of so many seconds.
[[nodiscard]] std::string uptime_text(double seconds);

}  // namespace proxy::haproxy
