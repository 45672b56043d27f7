#pragma once

#include <string>

#include "daemon/text/metrics.h"
#include "patroni_proxy/report/report.h"

namespace proxy {

/// The report for Prometheus. Unknown values, and limits that are off, have no sample. Label values
/// may hold any bytes; those that are not UTF-8 become U+FFFD. Pure; any thread.
[[nodiscard]] std::string metrics_text(
    const ProxyReport& report, daemons::MetricsFormat format = daemons::MetricsFormat::text);

}  // namespace proxy
