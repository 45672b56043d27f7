#pragma once

#include <iosfwd>

#include "patroni_proxy/config/config.h"

namespace proxy {

/// Polls every cluster once, without listening for clients or changing anything, and prints for
/// each port which members would serve a new client, which would not, and why. True if every port
/// would find one. What keeps a cluster from answering goes to `errors`.
bool poll_once(Config config, std::ostream& out, std::ostream& errors);

}  // namespace proxy
