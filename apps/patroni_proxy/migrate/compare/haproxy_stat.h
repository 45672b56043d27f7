#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "patroni/result.h"

namespace proxy::migrate {

/// A server as HAProxy's `show stat` tells it.
struct HaproxyServer {
    std::string backend;
    std::string name;
    std::string address;  ///< "10.0.0.11:5432"; empty if HAProxy does not say
    std::string status;   ///< UP, UP 1/3, DOWN, DOWN 1/2, MAINT, DRAIN, no check, ...
    std::string check;    ///< the last result of its check: L7OK, L7STS, ...
    bool backup = false;

    /// Whether it gets new sessions, a backup server only while no other one of its backend does.
    [[nodiscard]] bool is_up() const { return status.starts_with("UP") || status == "no check"; }
    /// A check has failed or succeeded, but not often enough yet: "UP 1/3".
    [[nodiscard]] bool is_changing() const { return status.find('/') != std::string::npos; }
};

/// Reads the CSV of `show stat` (management guide, 9.1): the first line begins with "# " and names
/// the columns. Only rows of servers are kept. Pure.
[[nodiscard]] patroni::Result<std::vector<HaproxyServer>> parse_stat(std::string_view csv);

}  // namespace proxy::migrate
