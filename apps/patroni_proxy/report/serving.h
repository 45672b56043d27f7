#pragma once

#include <string>
#include <vector>

#include "patroni_proxy/report/report.h"

namespace proxy {

/// The members that a new client of the port would find. Pure.
[[nodiscard]] std::vector<std::string> who_serves(const PortReport& port);
/// Why the port's other members do not: "p1: role is leader; p2: cannot be reached: ..."; without
/// members, why there are none. As text of Patroni, it may have more than one line. Pure.
[[nodiscard]] std::string why_nobody_serves(const ClusterReport& cluster, const PortReport& port);

}  // namespace proxy
