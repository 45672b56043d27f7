#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "patroni_proxy/haproxy/stats/stat_rows.h"

namespace proxy::haproxy {

/// HAProxy's columns in its order, which tools rely on: those of HAProxy 3.2 before the ones of its
/// HTTP and QUIC modules.
[[nodiscard]] std::span<const std::string_view> stat_columns();

/// What a column holds for a row: names and ids included.
[[nodiscard]] std::string stat_value(const StatRow& row, std::string_view column);

/// As HAProxy writes it: a first line that begins "# ", a comma after every field, quotes only
/// where they are needed. Pure.
[[nodiscard]] std::string stat_csv(const std::vector<StatRow>& rows);

}  // namespace proxy::haproxy
