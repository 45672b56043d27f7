#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "patroni_proxy/cli/terminal/table.h"

// The terminal. Main thread only.
namespace proxy::cli {

/// Standard output: without limits and colour unless it is a terminal. NO_COLOR and TERM=dumb turn
/// colour off.
[[nodiscard]] Screen screen();

/// Writes all of it to standard output at once. If the reader has gone, ends this process by
/// SIGPIPE as any filter does; throws std::system_error if the disk is full.
void write_out(std::string_view text);

/// Shows `frame` again and again until a signal ends this process (Ctrl-C: exit code 0). On a
/// terminal each frame replaces the previous one, cut to the height of the screen; elsewhere frames
/// follow each other. If `frame` throws, the error is shown instead, since a daemon may restart.
[[noreturn]] void watch(std::chrono::milliseconds interval,
                        const std::function<std::string(const Screen&)>& frame);

/// A frame for a terminal, written over the previous one line by line, so that nothing flickers.
/// Pure.
[[nodiscard]] std::string redraw(std::string_view frame, const Screen& screen);

}  // namespace proxy::cli
