#pragma once

#include <iosfwd>
#include <optional>
#include <string>

namespace daemons {

/// Where the configuration is if the command line names no file: PROGRAM.yaml in the working
/// directory, else PROGRAM/PROGRAM.yaml below `etc`. Empty if neither exists.
///
/// A file in the working directory counts only if nobody else can have written it: file and
/// directory belong to root or to the user of this process, and no other user may write or replace
/// the file. Otherwise root would obey a file that somebody left in their own directory. A file
/// that does not count is skipped, and `notices` says so.
[[nodiscard]] std::optional<std::string> find_config(const std::string& program,
                                                     std::ostream& notices,
                                                     const std::string& etc = "/etc");
/// The same. If neither exists, throws ConfigError with both places and that of an example.
[[nodiscard]] std::string require_config(const std::string& program, std::ostream& notices,
                                         const std::string& etc = "/etc");

}  // namespace daemons
