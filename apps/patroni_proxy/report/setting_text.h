#pragma once

#include <string>

#include "daemon/text/units.h"
#include "patroni_proxy/report/report.h"

namespace proxy {

/// "main/p1 is drained on port rw by uid 0, pid 42 since 2026-11-27 03:12:07, until 2026-11-27
/// 05:12:07: new disks". Pure.
[[nodiscard]] std::string setting_text(const std::string& cluster, const OperatorReport& setting,
                                       daemons::TimeZone zone);

/// By which setting an operator keeps new clients of the port from every member, whoever could
/// serve them: `disable`, or else `hold`. Null: by none. Pure.
[[nodiscard]] const OperatorReport* closed_by(const PortReport& port);
/// "disabled", "held", ...: what the setting makes of its subject. Pure.
[[nodiscard]] std::string participle_of(const OperatorReport& setting);

}  // namespace proxy
