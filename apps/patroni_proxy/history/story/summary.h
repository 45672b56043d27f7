#pragma once

#include <string>

#include "patroni_proxy/history/story/record.h"

namespace proxy::history {

/// A record in one line, without the cluster's name: "leader p1 -> p2; no leader for 0.7 s; 3
/// sessions ended, 12 clients held (longest 0.9 s), 0 refused: planned switchover". Pure.
[[nodiscard]] std::string summary_of(const Record& record);

}  // namespace proxy::history
