#pragma once

#include <stdexcept>
#include <string>

#include "patroni_proxy/report/report.h"

namespace proxy::cli {

/// Not an answer of patroni_proxy.
struct Unreadable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Reads the answer of GET /status back, as far as the commands show it; the rest keeps its
/// defaults, and so does what a missing key stands for: the daemon may be of another version than
/// the command. Throws Unreadable if the text is not a status. Pure.
[[nodiscard]] ProxyReport read_status(const std::string& json);

}  // namespace proxy::cli
