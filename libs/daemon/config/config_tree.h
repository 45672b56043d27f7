#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/inputs.h"
#include "daemon/yaml/problems.h"
#include "daemon/yaml/yaml_node.h"

namespace daemons {

/// Top-level keys whose mappings may be spread over several files: clusters, listeners.
using SpreadKeys = std::vector<std::string_view>;

/// Reads a configuration as one tree. `path` is a file, or a directory: all files in it with an
/// is_config_name(). A file, but not one in a directory, may name others with `include`. A
/// top-level key may be in only one of the files, unless it is in `spread`; then its mappings are
/// merged, and no two may have the same name in them. Anything wrong in any file is a problem, and
/// the result is then null. Bounded in the number of files and in their size. Reads only through
/// `inputs`.
[[nodiscard]] YamlNode read_config_tree(const std::string& path, const SpreadKeys& spread,
                                        const Inputs& inputs, Problems& problems);
/// The same for a file at `path` that has been read already.
[[nodiscard]] YamlNode parse_config_tree(const std::string& text, const std::string& path,
                                         const SpreadKeys& spread, const Inputs& inputs,
                                         Problems& problems);

/// Whether a file of this name in a directory counts: *.yaml and *.yml do, but not hidden ones, nor
/// those that editors leave behind (.x.yaml.swp, #x.yaml#, x.yaml~).
[[nodiscard]] bool is_config_name(std::string_view name);

}  // namespace daemons
