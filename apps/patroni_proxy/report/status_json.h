#pragma once

#include <string>

#include "patroni_proxy/report/report.h"

namespace proxy {

/// The report as JSON for people and scripts: indented, all keys always present in a fixed order,
/// null if not known, seconds to the millisecond. Always valid: bytes that are not UTF-8 become
/// U+FFFD. Pure; any thread.
[[nodiscard]] std::string status_json(const ProxyReport& report);

}  // namespace proxy
