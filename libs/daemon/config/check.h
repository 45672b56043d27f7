#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "daemon/config/config_parts.h"

namespace daemons {

/// What --check prints of a configuration that may be used: "NAME: good" to `out`, and its warnings
/// to `errors`, also those about the log's file, which --check does not open.
void print_check(const std::string& name, const LogConfig& log,
                 const std::vector<std::string>& warnings, std::ostream& out, std::ostream& errors);

}  // namespace daemons
