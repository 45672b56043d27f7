#pragma once

#include <string>

#include "patroni_proxy/report/report.h"

// The parts of the page, as HTML. Pure.
namespace proxy::page {

/// What should be seen first: one line each for what is wrong, and for what operators have set.
[[nodiscard]] std::string alerts(const ProxyReport& report);
[[nodiscard]] std::string cluster_section(const ClusterReport& cluster);

}  // namespace proxy::page
