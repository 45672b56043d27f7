#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace proxy::haproxy {

/// A command of the runtime socket: its words. Empty for an empty command.
using Words = std::vector<std::string>;

/// The commands of one line, separated by `;`. A backslash takes the next letter literally. Words
/// beyond the first 64 of a command are dropped, as by HAProxy. Pure.
[[nodiscard]] std::vector<Words> commands_of(std::string_view line);

}  // namespace proxy::haproxy
