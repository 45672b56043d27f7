#pragma once

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace proxy::hooks {

using Environment = std::vector<std::pair<std::string, std::string>>;

struct CommandRun {
    std::vector<std::string> command;  ///< the path first
    Environment environment;           ///< beside PATH, HOME, LANG and TZ of this process
    std::string input;                 ///< for its stdin
    std::chrono::milliseconds timeout{10'000};
    std::size_t most_output = 2'000;  ///< bytes of stdout and stderr that are kept
};
struct CommandResult {
    std::string problem;  ///< why it failed; empty: it ended with exit code 0
    std::string output;   ///< what it wrote, cut to the limit
};

/// Runs a command until it ends. Kills it and its process group after `timeout`, or when `stop` is
/// requested. The command inherits no descriptor but its stdin, stdout and stderr, no blocked
/// signal and no changed signal action. Blocks meanwhile: for a thread that may wait.
[[nodiscard]] CommandResult run_command(const CommandRun& run, const std::stop_token& stop);

}  // namespace proxy::hooks
