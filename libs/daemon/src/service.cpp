#include "daemon/service.h"

#include <csignal>
#include <exception>
#include <stdexcept>
#include <utility>

#include "daemon/descriptors.h"
#include "daemon/service_manager.h"

namespace daemons {

Service::Service(Options options)
    : options_(options), watchdog_(loop_.timers(), [this] { watch(); }) {
    block_signals();
    raise_descriptor_limit();
    // Between two batches of events: what a reload ends may have an event in this one.
    signals_.emplace(loop_,
                     [this](int signal) { loop_.post([this, signal] { on_signal(signal); }); });
}

void Service::run(ServiceBody& body) {
    body_ = &body;
    load_and_apply();
    service_manager::ready();
    watch();
    loop_.run();
}

/// The same at the start and at a reload.
void Service::load_and_apply() {
    auto [log, place, level] = body_->load();
    if (!level)
        level = options_.fallback_log_level;
    log.level = options_.log_level.value_or(level.value_or(log.level));
    try {
        log::configure(log);
    } catch (const std::exception& error) {
        throw std::runtime_error(place + ": " + error.what());
    }
    body_->apply();
    log_ = log;
}

void Service::on_signal(int signal) {
    if (state_ == State::ended)
        return;
    switch (signal) {
        case SIGHUP:
            return reload();
        case SIGUSR1:
            return drain();
        default:
            return end();
    }
}

void Service::reload() {
    if (state_ == State::draining) {
        // It would take on new work, and tell systemd that it is ready.
        body_->note_reload("draining");
        return log::error("reload failed, nothing has changed: draining");
    }
    service_manager::reloading();
    std::string problem;
    try {
        load_and_apply();
        log::info("reloaded");
    } catch (const std::exception& error) {
        problem = error.what();
        restore_log();
        log::error("reload failed, nothing has changed: " + problem);
    }
    body_->note_reload(problem);
    service_manager::ready();
}

/// As it was. Its file is opened anew all the same: it may have been rotated.
void Service::restore_log() {
    try {
        log::configure(log_);
    } catch (const std::exception& error) {
        log::error(error.what());
    }
}

void Service::drain() {
    if (state_ == State::draining)
        return;
    state_ = State::draining;
    service_manager::stopping();
    body_->drain([this] { end(); });
}

void Service::end() {
    state_ = State::ended;
    service_manager::stopping();
    log::info("stopping");
    body_->stop();
    loop_.stop();
}

/// Tells systemd that all is well once every thread has said so.
void Service::watch() {
    const auto interval = service_manager::watchdog_interval();
    if (!interval)
        return;
    watchdog_.arm(*interval);
    if (!alive_)
        return;  // a thread is stuck, or very slow: no sign of life until it answers
    service_manager::watchdog_alive();
    alive_ = false;
    // Whichever thread lets go of it last.
    body_->ping(std::shared_ptr<void>(
        nullptr, [this](void* /*nothing*/) { loop_.post([this] { alive_ = true; }); }));
}

}  // namespace daemons
