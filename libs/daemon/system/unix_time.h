#pragma once

namespace daemons {

/// Seconds since 1970, by the clock of the machine, which somebody may set. Any thread.
[[nodiscard]] double unix_now();

}  // namespace daemons
