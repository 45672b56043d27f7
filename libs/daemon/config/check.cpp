#include "daemon/config/check.h"

#include <fcntl.h>
#include <filesystem>
#include <ostream>
#include <unistd.h>

namespace daemons {
namespace {

bool may_write(const std::filesystem::path& path) {
    return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
}

/// Why the log's file could not be opened; empty if it could. The daemon may run as another user,
/// and its directory may be made when it starts, so that is no error.
std::string log_warning(const LogConfig& log) {
    const std::filesystem::path file = log.settings.file;
    if (file.empty())
        return {};
    std::error_code error;
    const auto directory = file.has_parent_path() ? file.parent_path() : ".";
    const std::string place = log.file_place + ": warning: log: ";
    if (!std::filesystem::exists(directory, error))
        return place + "the directory " + directory.string() + " does not exist";
    const bool exists = std::filesystem::exists(file, error);
    if (exists ? may_write(file) : may_write(directory))
        return {};
    return place + (exists ? file : directory).string() + " cannot be written by this user";
}

}  // namespace

void print_check(const std::string& name, const LogConfig& log,
                 const std::vector<std::string>& warnings, std::ostream& out,
                 std::ostream& errors) {
    for (const auto& warning : warnings)
        errors << warning << '\n';
    if (const auto warning = log_warning(log); !warning.empty())
        errors << warning << '\n';
    out << name << ": good\n";
}

}  // namespace daemons
