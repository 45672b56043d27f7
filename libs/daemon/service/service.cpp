#include "daemon/service/service.h"

#include <csignal>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include "daemon/service/service_manager.h"
#include "daemon/system/descriptors.h"
#include "daemon/text/units.h"

namespace daemons {

static bool writes_to_the_same(const log::Settings& a, const log::Settings& b) {
    return a.file == b.file && a.syslog == b.syslog && a.syslog_facility == b.syslog_facility;
}

/// The file being read, for messages. Any thread.
class Service::Progress {
  public:
    void begin(const std::string& file) {
        const std::lock_guard lock(mutex_);
        file_ = file;
    }
    [[nodiscard]] std::string file() {
        const std::lock_guard lock(mutex_);
        return file_;
    }

  private:
    std::mutex mutex_;
    std::string file_;
};

/// The result of reading: a configuration, or why there is none; and the opened log.
struct Service::Read {
    std::string problem;
    log::Settings log;
    log::TargetPtr target;
    std::vector<std::string> warnings;
    decltype(Loaded::apply) apply;
};

Service::Service(Options options)
    : options_(std::move(options)),
      watchdog_(loop_.timers(), [this] { watch(); }),
      reader_(loop_),
      late_(loop_.timers(), [this] { on_late(); }) {
    block_signals();
    raise_descriptor_limit();
    // Handled after this batch of events: a reload may end something that has an event in it.
    signals_.emplace(loop_,
                     [this](int signal) { loop_.post([this, signal] { on_signal(signal); }); });
}

void Service::run(ServiceBody& body) {
    body_ = &body;
    load();
    loop_.run();
    if (!start_problem_.empty())
        throw std::runtime_error(start_problem_);
}

/// For the start and for reloads. Another thread reads the files and uses no member: a file may
/// hang for longer than this object lives.
void Service::load() {
    loading_ = true;
    waiting_ = std::exchange(waiting_next_, {});
    progress_ = std::make_shared<Progress>();
    const auto read = [options = options_, load = body_->loader(), in_force = log_,
                       progress = progress_] {
        Inputs noting = options.inputs;
        noting.read = [&](const std::string& file) {
            progress->begin(file);
            return options.inputs.read(file);
        };
        noting.list = [&](const std::string& directory) {
            progress->begin(directory);
            return options.inputs.list(directory);
        };
        Read result;
        try {
            auto loaded = load(noting);
            result.apply = std::move(loaded.apply);
            result.warnings = std::move(loaded.warnings);
            result.log = loaded.log.settings;
            if (!loaded.log.level && options.fallback_log_level)
                result.log.level = *options.fallback_log_level;
            if (options.log_level)
                result.log.level = *options.log_level;
            progress->begin(result.log.file);
            try {
                result.target = log::open(result.log);
            } catch (const std::exception& error) {
                throw std::runtime_error(loaded.log.file_place + ": " + error.what());
            }
        } catch (const std::exception& error) {
            result.problem = error.what();
            // The log's settings stay, but its file is opened again: it may have been rotated.
            progress->begin(in_force.file);
            try {
                result.target = log::open(in_force);
            } catch (const std::exception& again) {
                result.problem.append("\n").append(again.what());
            }
        }
        return result;
    };
    try {
        reader_.start([this, read]() -> SideThread::Done {
            return [this, result = read()] { on_read(result); };
        });
        late_.arm(options_.read_timeout);
    } catch (const std::exception& error) {
        on_failed(std::string("the files cannot be read: ") + error.what());
    }
}

void Service::on_late() {
    reader_.abandon();
    on_failed(progress_->file() + ": cannot be read: its file system did not answer within " +
              duration_text(options_.read_timeout));
}

void Service::on_read(const Read& read) {
    late_.cancel();
    const log::Settings log_before = log_;
    const log::TargetPtr target_before = log_target_;
    const auto use_log = [this](const log::Settings& settings, const log::TargetPtr& target) {
        if (target)
            log::configure(settings, target);
        log_ = settings;
        log_target_ = target;
    };
    if (!read.problem.empty()) {
        use_log(log_before, read.target ? read.target : target_before);
        return on_failed(read.problem);
    }
    use_log(read.log, read.target);
    for (const auto& warning : read.warnings)
        log::warning({"config_warning"}, warning);
    const auto level_before = std::exchange(configured_level_, read.log.level);
    try {
        read.apply([this] { on_applied(); });
    } catch (const std::exception& error) {
        configured_level_ = level_before;
        // Keeps the newly opened file if it is the same one: it may have been rotated.
        use_log(log_before, writes_to_the_same(log_before, read.log) ? read.target : target_before);
        on_failed(error.what());
    }
}

void Service::on_applied() {
    loading_ = false;
    if (state_ == State::starting) {
        state_ = State::serving;
        service_manager::ready();
        watch();
    } else {
        log::info({"reloaded"}, "reloaded");
        on_reloaded({});
    }
    if (std::exchange(again_, false))
        reload();
}

void Service::on_reloaded(const std::string& error) {
    body_->note_reload(error);
    service_manager::ready();
    // Those who ask again from within get the next one.
    for (const auto& done : std::exchange(waiting_, {}))
        done(error);
}

void Service::on_failed(const std::string& problem) {
    loading_ = false;
    if (state_ == State::starting) {
        start_problem_ = problem;
        state_ = State::ended;
        return loop_.stop();
    }
    log::error({"reload_failed"}, "reload failed, nothing has changed: " + problem);
    on_reloaded(problem);
    if (std::exchange(again_, false))
        reload();
}

void Service::on_signal(int signal) {
    if (state_ == State::ended)
        return;
    switch (signal) {
        case SIGHUP:
            return reload();
        case SIGUSR1:
            if (state_ != State::draining)
                drain(ServiceBody::Drain::wait);
            return;
        case SIGTERM:
            return stop();
        case SIGUSR2:
            return upgrade([](const std::string&, const std::string&) {});
        default:
            return end();
    }
}

void Service::reload() {
    if (state_ == State::draining || state_ == State::succeeded) {
        // A reload would accept new work and tell systemd that it is ready.
        const std::string why =
            state_ == State::draining ? "draining" : "another process serves since the upgrade";
        log::error({"reload_failed"}, "reload failed, nothing has changed: " + why);
        body_->note_reload(why);
        for (const auto& done : std::exchange(waiting_next_, {}))
            done(why);
        return;
    }
    // The file may have changed after it was read.
    if (loading_ || upgrading_) {
        again_ = true;
        return;
    }
    service_manager::reloading();
    load();
}

void Service::reload(Reloaded done) {
    waiting_next_.push_back(std::move(done));
    reload();
}

void Service::set_log_level(log::Level level) {
    log_.level = level;
    log::configure(log_, log_target_);
}

void Service::stop() {
    const bool is_first = !std::exchange(stops_, true);
    if (is_first && body_->drains_on_sigterm())
        drain(ServiceBody::Drain::end_idle);
    else
        end();
}

std::string Service::why_no_upgrade() const {
    if (state_ == State::starting || loading_)
        return "a configuration is being loaded: try again";
    if (state_ == State::draining)
        return "draining";
    if (state_ != State::serving)
        return "another process serves since an upgrade";
    return upgrading_ ? "an upgrade is under way" : "";
}

void Service::upgrade(const Upgraded& done) {
    if (const std::string why = why_no_upgrade(); !why.empty()) {
        log::error({"upgrade_failed"}, "upgrade failed, nothing has changed: " + why);
        return done(why, {});
    }
    upgrading_ = true;
    body_->upgrade([this, done](const ServiceBody::Upgrade& upgrade) {
        upgrading_ = false;
        if (state_ == State::serving)  // nobody has ended it meanwhile
            on_upgraded(upgrade, done);
    });
}

void Service::on_upgraded(const ServiceBody::Upgrade& upgrade, const Upgraded& done) {
    if (!upgrade.error.empty()) {
        log::error(
            {"upgrade_failed"},
            (upgrade.has_cost ? "upgrade failed: " : "upgrade failed, nothing has changed: ") +
                upgrade.error);
        done(upgrade.error, {});
        if (std::exchange(again_, false))
            reload();
        return;
    }
    state_ = State::succeeded;
    watchdog_.cancel();
    service_manager::hand_over(upgrade.successor);
    log::info({"upgraded"}, "upgraded: " + upgrade.message);
    // It may have read its files before the reload was asked for.
    if (std::exchange(again_, false))
        ::kill(upgrade.successor, SIGHUP);
    for (const auto& waiting : std::exchange(waiting_next_, {}))
        waiting("the program was upgraded meanwhile, and another process reads the files again");
    done({}, upgrade.message);
    body_->finish([this] { end(); });
}

void Service::drain(ServiceBody::Drain how) {
    if (state_ == State::succeeded)
        return;
    // Nothing to wait for yet.
    if (state_ == State::starting)
        return end();
    state_ = State::draining;
    end_loading();
    service_manager::stopping();
    body_->drain(how, [this] { end(); });
}

void Service::end() {
    const bool succeeded = std::exchange(state_, State::ended) == State::succeeded;
    end_loading();
    service_manager::stopping();
    log::info({"stopping"},
              succeeded ? "ending: another process serves since the upgrade" : "stopping");
    body_->stop();
    loop_.stop();
}

void Service::end_loading() {
    reader_.abandon();
    late_.cancel();
    loading_ = false;
    again_ = false;
    for (auto* waiting : {&waiting_, &waiting_next_})
        for (const auto& done : std::exchange(*waiting, {}))
            done("the daemon is ending");
}

/// Pets systemd's watchdog once every thread has answered the ping before.
void Service::watch() {
    const auto interval = service_manager::watchdog_interval();
    if (!interval)
        return;
    watchdog_.arm(*interval);
    if (!alive_)
        return;  // a thread is stuck or very slow: no sign of life until it answers
    service_manager::watchdog_alive();
    alive_ = false;
    // The last thread to drop the token runs this.
    body_->ping(std::shared_ptr<void>(
        nullptr, [this](void* /*nothing*/) { loop_.post([this] { alive_ = true; }); }));
}

}  // namespace daemons
