#include "daemon/system/process_usage.h"

#include <ctime>
#include <fstream>
#include <unistd.h>

#include "daemon/system/unix_time.h"

namespace daemons {
namespace {

const double kStarted = unix_now();

}  // namespace

ProcessUsage process_usage() {
    ProcessUsage usage;
    usage.started_at = kStarted;
    timespec cpu{};
    if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0)
        usage.cpu_seconds =
            static_cast<double>(cpu.tv_sec) + static_cast<double>(cpu.tv_nsec) / 1e9;
    // In pages: total size, resident size (proc(5)).
    std::uint64_t size = 0;
    std::uint64_t resident = 0;
    if (std::ifstream("/proc/self/statm") >> size >> resident) {
        const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
        usage.virtual_bytes = size * page;
        usage.resident_bytes = resident * page;
    }
    return usage;
}

}  // namespace daemons
