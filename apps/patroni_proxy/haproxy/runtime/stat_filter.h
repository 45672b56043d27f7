#pragma once

#include <string>
#include <vector>

#include "patroni_proxy/haproxy/runtime/runtime_line.h"
#include "patroni_proxy/haproxy/stats/stat_rows.h"

namespace proxy::haproxy {

struct FilteredStat {
    std::vector<StatRow> rows{};
    std::string problem{};  ///< a line for the client; empty if there is none
};

/// The rows that the arguments of `show stat` ask for: `[{IID|PROXY} TYPE SID] [up|no-maint]`. -1
/// is all; TYPE is a sum of 1 (frontends), 2 (backends) and 4 (servers). Pure. Source: HAProxy's
/// management guide, `show stat`.
[[nodiscard]] FilteredStat filter_stat(std::vector<StatRow> rows, const Words& arguments);

}  // namespace proxy::haproxy
