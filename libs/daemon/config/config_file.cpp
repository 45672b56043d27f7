#include "daemon/config/config_file.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "daemon/config/config_parts.h"

namespace daemons {
namespace {

std::array<std::string, 2> places_of(const std::string& program, const std::string& etc) {
    return {program + ".yaml", etc + "/" + program + "/" + program + ".yaml"};
}

}  // namespace

std::optional<std::string> find_config(const std::string& program, const std::string& etc) {
    const auto [here, installed] = places_of(program, etc);
    std::error_code error;
    // A working directory that may not be looked into, as root's for another user, has none.
    if (std::filesystem::exists(here, error))
        return here;
    // One that cannot be read is the one that is meant: reading it says why.
    if (std::filesystem::exists(installed, error) || error)
        return installed;
    return std::nullopt;
}

std::string require_config(const std::string& program, const std::string& etc) {
    if (const auto found = find_config(program, etc))
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
