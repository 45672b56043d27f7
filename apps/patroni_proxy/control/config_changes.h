#pragma once

#include <string>
#include <vector>

#include "patroni_proxy/config/config.h"

namespace proxy {

/// What an operator should know about a reload, most important first: "cluster b added", "port
/// main/rw is now main/leader". Pure.
[[nodiscard]] std::vector<std::string> config_changes(const Config& before, const Config& after);

}  // namespace proxy
