#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "daemon/config/config_parts.h"

namespace daemons {

/// Prints what --check says about a valid configuration: "NAME: good" to `out`, and its warnings to
/// `errors`, including those about the log's file, which --check does not open.
void print_check(const std::string& name, const LogConfig& log,
                 const std::vector<std::string>& warnings, std::ostream& out, std::ostream& errors);

}  // namespace daemons
