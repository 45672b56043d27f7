#pragma once

namespace daemons {

/// Before the first thread is started: from here on signals meant for the daemon wait for
/// wait_for_signal(), and a peer that goes away is an errno and not a SIGPIPE.
void block_signals();

/// Waits for SIGTERM, SIGINT or SIGHUP and returns which it was. One thread only.
[[nodiscard]] int wait_for_signal();

}  // namespace daemons
