#pragma once

#include <string>
#include <string_view>

namespace daemons::html {

/// As text or as the value of an attribute in quotes: whatever it holds, it is no markup. Pure; any
/// thread.
[[nodiscard]] std::string escaped(std::string_view text);

}  // namespace daemons::html
