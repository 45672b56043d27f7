#include "daemon/system/unix_time.h"

#include <chrono>

namespace daemons {

double unix_now() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace daemons
