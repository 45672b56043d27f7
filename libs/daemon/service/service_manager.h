#pragma once

#include <chrono>
#include <optional>
#include <string_view>

/// What systemd is told of a service of Type=notify, and how often it wants a sign of life. All of
/// it does nothing where no service manager asked for it (no NOTIFY_SOCKET in the environment).
/// Any thread, but none that moves bytes: a service manager that does not read blocks the caller.
/// What cannot be sent is a warning in the log; the daemon goes on.
namespace daemons::service_manager {

/// Serving: at the end of the start, and at the end of a reload, good or bad.
void ready();
/// A reload begins; ready() must follow, or systemd waits for it in vain.
void reloading();
/// The end begins.
void stopping();
/// One line for `systemctl status`; what is too long is cut.
void status(std::string_view text);
/// The sign of life.
void watchdog_alive();
/// How often watchdog_alive() should be called: half of the time after which systemd ends the
/// daemon. Empty if it wants no sign of life from this process.
[[nodiscard]] std::optional<std::chrono::milliseconds> watchdog_interval();

}  // namespace daemons::service_manager
