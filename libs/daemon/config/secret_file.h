#pragma once

#include <string>

#include "daemon/yaml/yaml_mapping.h"

namespace daemons {

/// Warns if every user of this host may read the file at `path`, which holds a secret. Nothing is
/// said of a file that is not there. `what` begins the warning: "http_tls: key".
void warn_if_no_secret(const std::string& path, const YamlNode& where, const std::string& what,
                       Problems& problems);

}  // namespace daemons
