#pragma once

namespace CLI {
class App;
}

/// The commands that ask a running daemon. Main thread only. `exit_code` must outlive the parsing;
/// a command sets it to 0 (done), 1 (failed) or, for `check`, to the code of a monitoring plug-in.
namespace proxy::cli {

void add_commands(CLI::App& commands, int& exit_code);

/// The exit code for a wrong command line: 2, but 3 (UNKNOWN) for `check`.
[[nodiscard]] int usage_exit_code(const CLI::App& commands);

}  // namespace proxy::cli
