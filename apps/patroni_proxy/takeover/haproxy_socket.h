#pragma once

#include <chrono>
#include <string>

#include "net/socket/unique_fd.h"

/// HAProxy's runtime socket, as its client. Any thread; blocks. Throws std::runtime_error, which
/// names the socket.
namespace proxy::takeover {

/// Connects to `path` ("@name": abstract). A read or a write waits for at most `timeout`.
[[nodiscard]] net::UniqueFd connect_to_haproxy(const std::string& path,
                                               std::chrono::milliseconds timeout);
/// What HAProxy answers to one command: all of it within `timeout`, and at most 16 MiB.
[[nodiscard]] std::string ask_haproxy(const std::string& path, const std::string& command,
                                      std::chrono::milliseconds timeout);

/// Limits how long a read or a write of a socket waits.
void limit_waits(int connection, std::chrono::milliseconds timeout);
/// Why a read or a write failed, in words.
[[nodiscard]] std::string reason_of_wait(int error);

}  // namespace proxy::takeover
