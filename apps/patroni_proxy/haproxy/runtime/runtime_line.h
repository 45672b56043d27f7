#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace proxy::haproxy {

/// A command of the runtime socket: its words. Empty for an empty command.
using Words = std::vector<std::string>;

/// The commands of one line, which `;` parts. A backslash takes the next letter as it is. Words
/// beyond the first 64 of a command are dropped, as HAProxy does. Pure.
[[nodiscard]] std::vector<Words> commands_of(std::string_view line);

}  // namespace proxy::haproxy
