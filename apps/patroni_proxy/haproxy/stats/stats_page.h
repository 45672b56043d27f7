#pragma once

#include <optional>
#include <string>

#include "daemon/http/http_server.h"
#include "patroni_proxy/report/report.h"

namespace proxy::haproxy {

/// Whether HAProxy's statistics are asked for: /stats, /;csv, /stats;csv;norefresh, ...
[[nodiscard]] bool is_stats_path(const std::string& path);

/// HAProxy's statistics as CSV, or as the page that Datadog and Zabbix read the version and the
/// uptime from. Pure.
[[nodiscard]] daemons::HttpResponse stats_response(const std::string& path,
                                                   const ProxyReport& report);

}  // namespace proxy::haproxy
