#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "daemon/config_parts.h"
#include "daemon/log.h"
#include "daemon/signals.h"
#include "net/event_loop.h"
#include "net/timer.h"

namespace daemons {

/// What a daemon does, for Service to start, reload and end. Called on the main thread only.
class ServiceBody {
  public:
    virtual ~ServiceBody() = default;

    /// Reads the configuration, and keeps it for apply(). Throws std::exception with what is wrong.
    virtual LogConfig load() = 0;
    /// Does what was loaded last, from whatever was done before. Throws std::exception, and then
    /// nothing has changed.
    virtual void apply() = 0;
    /// How a reload went: an empty text if well.
    virtual void note_reload(const std::string& error) = 0;
    /// Takes on nothing new, and calls `drained` when the rest is done.
    virtual void drain(std::function<void()> drained) = 0;
    virtual void stop() = 0;
    /// Passes `token` to every thread that matters, each of which lets go of it once it gets there:
    /// its end is a sign of life of all of them.
    virtual void ping(const std::shared_ptr<void>& token) = 0;
};

/// A daemon from its start to its end, as signals and systemd want it: SIGHUP reads the file again,
/// SIGUSR1 drains, SIGTERM and SIGINT end. Main thread only; it owns that thread's loop.
class Service {
  public:
    struct Options {
        std::optional<log::Level> log_level;           ///< wins over the file
        std::optional<log::Level> fallback_log_level;  ///< where the file has none
    };

    /// Blocks signals and raises the limit of descriptors: before the first thread.
    explicit Service(Options options);
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    [[nodiscard]] net::EventLoop& loop() noexcept { return loop_; }
    /// Starts, and serves until a signal ends it. Throws std::exception with what is wrong.
    void run(ServiceBody& body);

  private:
    enum class State : std::uint8_t { serving, draining, ended };

    void load_and_apply();
    void on_signal(int signal);
    void reload();
    void restore_log();
    void drain();
    void end();
    void watch();

    const Options options_;
    log::Settings log_;  ///< in force
    net::EventLoop loop_;
    std::optional<SignalReader> signals_;
    net::Timer watchdog_;
    State state_ = State::serving;
    bool alive_ = true;  ///< every thread has given a sign of life
    ServiceBody* body_ = nullptr;
};

}  // namespace daemons
