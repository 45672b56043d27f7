#pragma once

#include <string>

#include "patroni_proxy/report/report.h"

namespace proxy {

/// The report in Prometheus' text format ("text/plain; version=0.0.4"). Unknown values have no
/// sample. Label values may hold any bytes; those that are not UTF-8 become U+FFFD. Pure; any
/// thread.
[[nodiscard]] std::string metrics_text(const ProxyReport& report);

}  // namespace proxy
