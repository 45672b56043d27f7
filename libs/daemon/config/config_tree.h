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

/// Reads a configuration as one tree. `path` is a file, or a directory of them: all that
/// is_config_name(). The file, but none in a directory, may name others with `include`. Of
/// several files each may have any top-level key, but two the same one only if it is in `spread`,
/// and then not with the same names in it. Whatever is wrong in any of them is a problem, and the
/// result is then null. Bounded in the number of files and in their size. Reads with `inputs`
/// alone.
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
