#include "daemon/config/secret_file.h"

#include <filesystem>
#include <system_error>

namespace daemons {

void warn_if_no_secret(const std::string& path, const YamlNode& where, const std::string& what,
                       Problems& problems) {
    using std::filesystem::perms;
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (exists(status) && (status.permissions() & perms::others_read) != perms::none)
        problems.warn(where, what + ": every user of this host may read " + where.written() +
                                 "; a mode such as 0640 keeps it secret");
}

}  // namespace daemons
