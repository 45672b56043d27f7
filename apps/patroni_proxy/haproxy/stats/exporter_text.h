#pragma once

#include <string>

#include "patroni_proxy/report/report.h"

namespace proxy::haproxy {

/// What HAProxy's own Prometheus exporter would say of the ports, by its names, which dashboards
/// use: haproxy_frontend_*, haproxy_backend_*, haproxy_server_*. Added to /metrics where asked for.
/// Pure.
/// Source of the names: what HAProxy 3.2 answered.
[[nodiscard]] std::string exporter_text(const ProxyReport& report);

}  // namespace proxy::haproxy
