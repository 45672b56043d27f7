#pragma once

namespace CLI {
class App;
}

/// The commands that ask a running daemon. `exit_code`, which outlives the parsing, is what a
/// command leaves: 0 done, 1 failed; of `check` as monitoring plug-ins have it.
namespace proxy::cli {

void add_commands(CLI::App& commands, int& exit_code);

/// The exit code for a command line that is wrong: 2, but 3 (UNKNOWN) for `check`.
[[nodiscard]] int usage_exit_code(const CLI::App& commands);

}  // namespace proxy::cli
