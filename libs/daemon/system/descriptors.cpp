#include "daemon/system/descriptors.h"

#include <filesystem>
#include <iterator>
#include <sys/resource.h>
#include <system_error>

namespace daemons {

void raise_descriptor_limit() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    // If that is forbidden, the old limit stays.
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

std::uint64_t descriptor_limit() noexcept {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

std::uint64_t open_descriptors() {
    std::error_code error;
    const std::filesystem::directory_iterator entries("/proc/self/fd", error);
    if (error)
        return 0;
    const auto count = std::distance(begin(entries), end(entries));
    return static_cast<std::uint64_t>(count - 1);  // one of them reads the directory
}

}  // namespace daemons
