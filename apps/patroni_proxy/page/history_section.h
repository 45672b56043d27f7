#pragma once

#include <string>
#include <vector>

#include "patroni_proxy/history/story/record.h"

namespace proxy::page {

/// The latest records as HTML, newest first, and the steps of the latest changes of leader. Empty
/// if there are none. Pure.
[[nodiscard]] std::string history_section(const std::vector<history::RecordPtr>& records);

}  // namespace proxy::page
