#include "daemon/service/service_manager.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <system_error>
#include <systemd/sd-daemon.h>

#include "daemon/log/log.h"

namespace daemons::service_manager {
namespace {

/// Another process tells systemd about the service.
std::atomic<bool> silent{false};

void tell(const std::string& message) {
    if (silent)
        return;
    const int result = ::sd_notify(0, message.c_str());
    if (result < 0)
        log::warning({"systemd_not_told"}, "cannot notify systemd '" + message +
                                               "': " + std::generic_category().message(-result));
}

}  // namespace

void ready() {
    tell("READY=1");
}

void reloading() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    tell("RELOADING=1\nMONOTONIC_USEC=" +
         std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
}

void stopping() {
    tell("STOPPING=1");
}

void keep_silent() {
    silent = true;
}

void take_over() {
    silent = false;
    ready();
    show_life();
}

void hand_over(pid_t successor) {
    show_life();
    tell("MAINPID=" + std::to_string(successor) + "\nREADY=1");
    silent = true;
}

void watchdog_alive() {
    tell("WATCHDOG=1");
}

void show_life() {
    if (watchdog_interval())
        watchdog_alive();
}

std::optional<std::chrono::milliseconds> watchdog_interval() {
    std::uint64_t microseconds = 0;
    // 0: not wanted; negative: the environment is malformed, which counts as not wanted.
    if (::sd_watchdog_enabled(0, &microseconds) <= 0)
        return std::nullopt;
    const auto half = std::chrono::microseconds{microseconds / 2};
    return std::max(std::chrono::duration_cast<std::chrono::milliseconds>(half),
                    std::chrono::milliseconds{1});
}

}  // namespace daemons::service_manager
