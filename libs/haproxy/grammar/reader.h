#pragma once

#include <string>
#include <vector>

#include "haproxy/grammar/configuration.h"

namespace haproxy {

struct SourceFile {
    std::string name;  ///< for messages
    std::string text;
};

/// Reads files as HAProxy does when each is named with `-f`, in this order. A file may be a
/// template (see read_template). `setenv` and `presetenv` of the section `global` count from there
/// on. A condition that cannot be evaluated counts as true, and is noted. Pure, within the limits
/// of configuration.h. Throws ReadError for what is no such file.
[[nodiscard]] Configuration read(const std::vector<SourceFile>& files, const Symbols& symbols);

}  // namespace haproxy
