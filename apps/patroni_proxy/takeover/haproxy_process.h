#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace proxy::takeover {

/// The process id in the answer to HAProxy's `show info`. Pure.
[[nodiscard]] std::optional<pid_t> pid_in_info(std::string_view info);

/// Whom a signal must reach for that worker to end: its master, if it has one. Nothing if the
/// process is not there, or is no HAProxy.
[[nodiscard]] std::optional<pid_t> haproxy_of_worker(pid_t worker);

}  // namespace proxy::takeover
