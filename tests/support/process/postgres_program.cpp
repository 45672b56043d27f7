#include "postgres_program.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace support {

std::string postgres_program(const std::string& name) {
    int newest = 0;
    for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql"))
        newest = std::max(newest, std::atoi(version.path().filename().c_str()));
    return "/usr/lib/postgresql/" + std::to_string(newest) + "/bin/" + name;
}

}  // namespace support
