#pragma once

#include <string>
#include <vector>

#include "daemon/system/file.h"
#include "haproxy/grammar/configuration.h"
#include "haproxy/grammar/reader.h"

namespace proxy::migrate {

/// Reads the files in HAProxy's order: as they are named, and of a directory those whose names end
/// in ".cfg" and do not begin with a dot, sorted by bytes. Nothing else is read. Their names are
/// without directories if no two are equal then. Throws daemons::FileError.
[[nodiscard]] std::vector<haproxy::SourceFile> read_sources(const std::vector<std::string>& paths,
                                                            const daemons::ReadFile& read);

/// Values from "NAME=VALUE" first, then from the environment. An expression of a template is never
/// looked up in the environment. Throws std::invalid_argument for a text without "=".
[[nodiscard]] haproxy::Symbols symbols_from(const std::vector<std::string>& assignments);

}  // namespace proxy::migrate
