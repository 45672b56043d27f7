#pragma once

#include <stdexcept>
#include <string>

#include "patroni_proxy/report/report.h"

namespace proxy::cli {

/// An answer that patroni_proxy does not give.
struct Unreadable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Reads the answer of GET /status back: what the commands show of it; the rest stays as a report
/// is made. Pure. A key that is missing is left alone, for the daemon may be of another version
/// than the command. Throws Unreadable if the text is no status at all.
[[nodiscard]] ProxyReport read_status(const std::string& json);

}  // namespace proxy::cli
