#pragma once

#include <cstdint>

namespace daemons {

/// CPU time and memory of this process.
struct ProcessUsage {
    double cpu_seconds = 0;  ///< user and system, all threads
    std::uint64_t virtual_bytes = 0;
    std::uint64_t resident_bytes = 0;
    double started_at = 0;  ///< Unix time
};
/// Any thread. 0 for what cannot be found out.
[[nodiscard]] ProcessUsage process_usage();

}  // namespace daemons
