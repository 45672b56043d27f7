#pragma once

#include <string>

namespace support {

/// The path of a program of PostgreSQL, such as `psql`, in the newest version that is installed.
/// Debian's own `psql` is a Perl script that looks for it, for twice the time that psql then takes.
/// Throws std::filesystem::filesystem_error where there is none.
std::string postgres_program(const std::string& name);

}  // namespace support
