#include "daemon/config/config_file.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <ostream>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config/config_parts.h"

namespace daemons {
namespace {

std::array<std::string, 2> places_of(const std::string& program, const std::string& etc) {
    return {program + ".yaml", etc + "/" + program + "/" + program + ".yaml"};
}

/// Why users other than root and that of this process may have made this file, or may replace it;
/// empty if they cannot. A link is judged both by itself and by what it leads to.
std::string distrust(const std::string& file) {
    const auto judge = [](const std::string& what, const struct stat& found) -> std::string {
        if (found.st_uid != 0 && found.st_uid != ::geteuid())
            return what + " belongs to another user (uid " + std::to_string(found.st_uid) + ")";
        const bool own_group = found.st_gid == ::getegid();
        // In a sticky directory such as /tmp, nobody can replace the files of others.
        const bool sticky = S_ISDIR(found.st_mode) && (found.st_mode & S_ISVTX) != 0;
        const bool writable =
            (found.st_mode & S_IWOTH) != 0 || ((found.st_mode & S_IWGRP) != 0 && !own_group);
        if (writable && !sticky && !S_ISLNK(found.st_mode))
            return what + " can be written by other users";
        return {};
    };
    struct stat found {};
    // If it cannot be examined, reading it will fail and say why.
    if (::stat(".", &found) == 0)
        if (auto reason = judge("the directory", found); !reason.empty())
            return reason;
    for (const auto look : {::lstat, ::stat})
        if (look(file.c_str(), &found) == 0)
            if (auto reason = judge("it", found); !reason.empty())
                return reason;
    return {};
}

}  // namespace

std::optional<std::string> find_config(const std::string& program, std::ostream& notices,
                                       const std::string& etc) {
    const auto [here, installed] = places_of(program, etc);
    std::error_code error;
    // A working directory that this user may not search, such as root's, has no configuration.
    if (std::filesystem::exists(here, error)) {
        const std::string reason = distrust(here);
        if (reason.empty())
            return here;
        notices << here << " in the working directory is passed over: " << reason
                << ". Name it on the command line to use it\n";
    }
    // A file that exists but cannot be read is the one that is meant: reading it says why.
    if (std::filesystem::exists(installed, error) || error)
        return installed;
    return std::nullopt;
}

std::string require_config(const std::string& program, std::ostream& notices,
                           const std::string& etc) {
    if (const auto found = find_config(program, notices, etc))
        return *found;
    const auto [here, installed] = places_of(program, etc);
    std::string package = program;
    std::replace(package.begin(), package.end(), '_', '-');
    throw ConfigError("no configuration: there is neither " + here +
                      " in the working directory nor " + installed +
                      ". An example: /usr/share/doc/" + package + "/examples/" + program +
                      ".yaml, or contrib/" + program + " of the sources");
}

}  // namespace daemons
