#pragma once

#include <optional>
#include <string>

namespace daemons {

/// Where the configuration is if the command line names no file: PROGRAM.yaml in the working
/// directory, else PROGRAM/PROGRAM.yaml below `etc`. Empty if neither exists.
[[nodiscard]] std::optional<std::string> find_config(const std::string& program,
                                                     const std::string& etc = "/etc");
/// The same. Throws ConfigError with the places and an example's if neither exists.
[[nodiscard]] std::string require_config(const std::string& program,
                                         const std::string& etc = "/etc");

}  // namespace daemons
