#pragma once

#include <string>

#include "daemon/config/inputs.h"

namespace proxy::migrate {

/// Whether a text is a configuration of patroni_proxy, ours or the Rust program's.
[[nodiscard]] bool is_own_file(const std::string& text);

/// The same configuration with its keys in the order of the documentation, aliases replaced by what
/// they stand for, variables as they are written, comments left out. `path` is where it was read.
/// Throws daemons::ConfigError if it does not pass --check.
[[nodiscard]] std::string normalised(const std::string& text, const std::string& path,
                                     const daemons::Inputs& inputs = {});

}  // namespace proxy::migrate
