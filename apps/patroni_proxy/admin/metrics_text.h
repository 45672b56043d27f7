#pragma once

#include <string>

#include "patroni_proxy/admin/report.h"

namespace proxy {

/// The report in Prometheus' text format, to be sent as "text/plain; version=0.0.4". What is not
/// known has no sample. Label values may hold any bytes: U+FFFD stands for those that are not
/// UTF-8. Pure; any thread.
[[nodiscard]] std::string metrics_text(const ProxyReport& report);

}  // namespace proxy
