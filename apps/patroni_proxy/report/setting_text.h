#pragma once

#include <string>

#include "daemon/text/units.h"
#include "patroni_proxy/report/report.h"

namespace proxy {

/// "main/p1 is drained on port rw by uid 0, pid 42 since 2026-11-27 03:12:07, until 2026-11-27
/// 05:12:07: new disks". Pure.
[[nodiscard]] std::string setting_text(const std::string& cluster, const OperatorReport& setting,
                                       daemons::TimeZone zone);

}  // namespace proxy
