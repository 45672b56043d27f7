#include "patroni_agent/maintenance_switch.h"

#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

#include "daemon/log/log.h"

namespace agent {
namespace {

// The longest that the switch takes to work.
constexpr std::chrono::milliseconds kTick{250};

}  // namespace

patroni::Result<bool> is_there(const std::string& file) {
    std::error_code error;
    const bool there = std::filesystem::exists(file, error);
    return error ? patroni::Result<bool>(patroni::Failure{error.message()}) : there;
}

MaintenanceSwitch::MaintenanceSwitch(net::EventLoop& loop, Look look,
                                     std::chrono::milliseconds patience)
    : look_(std::move(look)),
      patience_(patience),
      looker_(loop),
      timer_(loop.timers(), [this] { tick(); }) {}

void MaintenanceSwitch::use(const std::string& file, bool always) {
    // A check of the old file may never return.
    if (std::exchange(file_, file) != file)
        looker_.abandon();
    always_ = always;
    set(always_ || marked_);
    tick();
}

void MaintenanceSwitch::stop() {
    timer_.cancel();
    looker_.abandon();
}

void MaintenanceSwitch::tick() {
    timer_.cancel();
    timer_.arm(kTick);
    if (looker_.is_busy()) {
        if (Clock::now() - looks_since_ >= patience_)
            on_look(patroni::Failure{"its file system does not answer"});
        return;
    }
    looks_since_ = Clock::now();
    try {
        looker_.start([this, look = look_, file = file_]() -> daemons::SideThread::Done {
            return [this, there = look(file)] { on_look(there); };
        });
    } catch (const std::exception& error) {
        on_look(patroni::Failure{error.what()});
    }
}

void MaintenanceSwitch::on_look(const patroni::Result<bool>& there) {
    known_ = true;
    const std::string reason = there ? "" : there.reason();
    if (std::exchange(why_not_known_, reason) != reason && !reason.empty())
        daemons::log::warning({"maintenance_unknown"}, "maintenance_file " + file_ + ": " + reason +
                                                           ": cannot tell whether it exists; " +
                                                           (on_ ? "still" : "not") +
                                                           " in maintenance");
    if (there)
        marked_ = there.value();
    set(always_ || marked_);
}

void MaintenanceSwitch::set(bool on) {
    if (std::exchange(on_, on) != on)
        daemons::log::info({"maintenance_changed"},
                           on ? "in maintenance" : "no longer in maintenance");
}

}  // namespace agent
