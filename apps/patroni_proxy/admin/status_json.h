#pragma once

#include <string>

#include "patroni_proxy/admin/report.h"

namespace proxy {

/// The report as JSON for people and scripts: indented, every key always there and in the order
/// of the structs, null for what is not known, seconds to the millisecond. It is valid JSON
/// whatever bytes the names have: U+FFFD stands for those that are not UTF-8. Pure; any thread.
[[nodiscard]] std::string status_json(const ProxyReport& report);

}  // namespace proxy
