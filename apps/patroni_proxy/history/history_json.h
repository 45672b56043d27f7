#pragma once

#include <string>
#include <vector>

#include "daemon/text/json.h"
#include "patroni_proxy/history/story/record.h"

namespace proxy::history {

/// One record as GET /history and the hooks show it. Pure.
[[nodiscard]] daemons::Json json_of(const Record& record);
/// The answer to GET /history: {"records": [...]}, of one cluster or of all (empty). Pure.
[[nodiscard]] std::string history_json(const std::vector<RecordPtr>& records,
                                       const std::string& cluster = {});

}  // namespace proxy::history
