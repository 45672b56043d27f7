#pragma once

#include <string>
#include <string_view>

namespace daemons {

/// The text with U+FFFD in place of every byte that is not part of valid UTF-8. Names come from
/// the network and from files; what goes out as JSON, as metrics or to the service manager is
/// refused as a whole if one of them is not UTF-8. Pure; any thread.
[[nodiscard]] std::string valid_utf8(std::string_view text);

}  // namespace daemons
