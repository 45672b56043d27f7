#pragma once

#include <iosfwd>
#include <optional>
#include <string>

namespace daemons {

/// Where the configuration is if the command line names no file: PROGRAM.yaml in the working
/// directory, else PROGRAM/PROGRAM.yaml below `etc`. Empty if neither exists.
///
/// A file in the working directory counts only if nobody else can have written it: file and
/// directory belong to root or to the user of this process, and no other user may write the file,
/// nor replace it in the directory. Root would otherwise obey a file that was left for it in
/// somebody's directory. One that does not count is passed over, and `notices` says so.
[[nodiscard]] std::optional<std::string> find_config(const std::string& program,
                                                     std::ostream& notices,
                                                     const std::string& etc = "/etc");
/// The same. Throws ConfigError with the places and an example's if neither exists.
[[nodiscard]] std::string require_config(const std::string& program, std::ostream& notices,
                                         const std::string& etc = "/etc");

}  // namespace daemons
