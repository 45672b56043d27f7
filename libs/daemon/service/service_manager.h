#pragma once

#include <chrono>
#include <optional>
#include <sys/types.h>

/// Notifies systemd about a service of Type=notify (man sd_notify). Does nothing without
/// NOTIFY_SOCKET in the environment. Any thread, but none that moves bytes: a service manager that
/// does not read blocks the caller. A failure to send is a warning in the log; the daemon goes on.
namespace daemons::service_manager {

/// The start is complete, or a reload is, whether it worked or not.
void ready();
/// A reload begins. ready() must follow: systemd waits for it.
void reloading();
/// The daemon is ending.
void stopping();
/// Another process is still the main one of the service, and systemd listens to no other: nothing
/// is told before take_over().
void keep_silent();
/// This process is the main one from now on, and ready.
void take_over();
/// Another process is the service's main one from now on. Nothing more is told from here.
void hand_over(pid_t successor);
/// Pets systemd's watchdog.
void watchdog_alive();
/// The same, if systemd watches this process. take_over() and hand_over() do so too: the watchdog's
/// time runs on when the main process changes.
void show_life();
/// How often to call watchdog_alive(): half of WatchdogSec. Empty if systemd does not watch this
/// process.
[[nodiscard]] std::optional<std::chrono::milliseconds> watchdog_interval();

}  // namespace daemons::service_manager
