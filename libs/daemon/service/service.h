#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "daemon/config/config_parts.h"
#include "daemon/config/inputs.h"
#include "daemon/log/log.h"
#include "daemon/system/side_thread.h"
#include "daemon/system/signals.h"
#include "net/loop/event_loop.h"
#include "net/loop/timer.h"

namespace daemons {

/// A configuration that has been read.
struct Loaded {
    LogConfig log;
    /// What is probably not meant, for the log.
    std::vector<std::string> warnings = {};
    /// Main thread. Puts the configuration in force, whatever was in force before, and calls
    /// `applied` on the main thread when that is done, at once or later; never if the daemon ends
    /// first. Throws std::exception, and then nothing has changed.
    std::function<void(std::function<void()> applied)> apply;
};
/// Reads a configuration. Throws std::exception saying what is wrong.
using Load = std::function<Loaded(const Inputs& inputs)>;

/// The daemon that a Service starts, reloads and ends. Main thread only. Calls that come before the
/// first configuration is applied have nothing to do.
class ServiceBody {
  public:
    virtual ~ServiceBody() = default;

    /// The result runs on its own thread, which may hang on a file and outlive the body: it must
    /// not refer to the body, except in what it returns for the main thread.
    [[nodiscard]] virtual Load loader() = 0;
    /// Reports a reload; `error` is empty if it worked.
    virtual void note_reload(const std::string& error) = 0;
    enum class Drain : std::uint8_t {
        wait,      ///< until what is under way ends by itself
        end_idle,  ///< the same, and ends what is idle
    };
    /// Accepts nothing new, and calls `drained` when the rest has ended. A drain that waits may be
    /// asked to end what is idle as well.
    virtual void drain(Drain how, std::function<void()> drained) = 0;
    /// Whether SIGTERM drains, and ends what is idle, instead of ending all at once.
    [[nodiscard]] virtual bool drains_on_sigterm() const { return false; }
    virtual void stop() = 0;
    struct Upgrade {
        std::string error{};    ///< why this process goes on; empty: another one serves
        std::string message{};  ///< what has happened
        pid_t successor = 0;
        bool has_cost = false;  ///< with an error: not everything is as it was
    };
    /// Starts the program again and hands everything over to it; calls `done` once, on the main
    /// thread.
    virtual void upgrade(const std::function<void(const Upgrade&)>& done) {
        done({"this daemon cannot be upgraded while it runs: restart it", {}, 0});
    }
    /// After an upgrade: calls `finished` when what has stayed here has ended.
    virtual void finish(const std::function<void()>& finished) { finished(); }
    /// Passes `token` to every thread that matters. Each drops it as soon as it runs, so that the
    /// token's destruction proves that all of them are alive.
    virtual void ping(const std::shared_ptr<void>& token) = 0;
};

/// Runs a daemon from start to end under signals and systemd: SIGHUP reloads, SIGUSR1 drains,
/// SIGUSR2 upgrades. SIGTERM ends, or drains if the body is to: then a second one ends. SIGINT
/// ends. Main thread only. It owns that thread's loop, which keeps running while files are read and
/// while a configuration comes into force.
class Service {
  public:
    struct Options {
        std::optional<log::Level> log_level = {};           ///< overrides the file
        std::optional<log::Level> fallback_log_level = {};  ///< if the file has none
        Inputs inputs = {};
        /// Limit for reading all files together.
        std::chrono::milliseconds read_timeout{10'000};
    };

    /// Blocks signals and raises the limit of descriptors. Before the first thread.
    explicit Service(Options options);
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    [[nodiscard]] net::EventLoop& loop() noexcept { return loop_; }
    /// Starts and serves until a signal ends it. Throws std::runtime_error if the start fails.
    void run(ServiceBody& body);

    /// Why a reload failed; empty if the configuration is in force.
    using Reloaded = std::function<void(const std::string& error)>;
    /// Reloads as SIGHUP does, and calls `done` with the outcome of a configuration that was read
    /// after this call.
    void reload(Reloaded done);
    /// `error` says why an upgrade failed; else `message` says what has happened.
    using Upgraded = std::function<void(const std::string& error, const std::string& message)>;
    /// As SIGUSR2 does. Afterwards this process ends as soon as what has stayed in it has ended.
    void upgrade(const Upgraded& done);
    [[nodiscard]] log::Level log_level() const noexcept { return log_.level; }
    /// Until the next configuration is in force.
    void set_log_level(log::Level level);
    /// The level that was set, if the configuration in force has another one.
    [[nodiscard]] std::optional<log::Level> log_level_set() const noexcept {
        return log_.level == configured_level_ ? std::nullopt : std::optional(log_.level);
    }

  private:
    enum class State : std::uint8_t { starting, serving, draining, succeeded, ended };
    struct Read;
    class Progress;

    void load();
    void on_read(const Read& read);
    void on_late();
    void on_applied();
    void on_failed(const std::string& problem);
    void on_reloaded(const std::string& error);
    void on_signal(int signal);
    void reload();
    void stop();
    void drain(ServiceBody::Drain how);
    void on_upgraded(const ServiceBody::Upgrade& upgrade, const Upgraded& done);
    [[nodiscard]] std::string why_no_upgrade() const;
    void end();
    void end_loading();
    void watch();

    const Options options_;
    log::Settings log_;  ///< in force
    log::Level configured_level_{};
    log::TargetPtr log_target_;
    net::EventLoop loop_;
    std::optional<SignalReader> signals_;
    net::Timer watchdog_;
    SideThread reader_;
    net::Timer late_;  ///< fires when reading has taken too long
    std::shared_ptr<Progress> progress_;
    bool loading_ = false;  ///< a configuration is being read or applied
    bool again_ = false;    ///< a reload was asked for while loading or upgrading
    bool upgrading_ = false;
    std::vector<Reloaded> waiting_;       ///< for the configuration that is being loaded
    std::vector<Reloaded> waiting_next_;  ///< for the next one
    std::string start_problem_;
    State state_ = State::starting;
    bool stops_ = false;  ///< SIGTERM has come
    bool alive_ = true;   ///< every thread answered the last ping
    ServiceBody* body_ = nullptr;
};

}  // namespace daemons
