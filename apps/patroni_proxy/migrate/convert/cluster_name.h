#pragma once

#include <string>
#include <vector>

namespace proxy::migrate {

/// A name for the cluster that these sections of HAProxy lead to: what their names have in common
/// beside words such as "primary" and "5000". Empty if nothing is left. Pure.
[[nodiscard]] std::string cluster_name_from(const std::vector<std::string>& sections);

}  // namespace proxy::migrate
