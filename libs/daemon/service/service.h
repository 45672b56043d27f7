#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "daemon/config/config_parts.h"
#include "daemon/log/log.h"
#include "daemon/system/file.h"
#include "daemon/system/side_thread.h"
#include "daemon/system/signals.h"
#include "net/loop/event_loop.h"
#include "net/loop/timer.h"

namespace daemons {

/// A configuration that has been read.
struct Loaded {
    LogConfig log;
    /// On the main thread: does what it says, from whatever was done before, and calls `applied` on
    /// the main thread once it is in force, at once or later; not if the daemon ends before. Throws
    /// std::exception, and then nothing has changed.
    std::function<void(std::function<void()> applied)> apply;
};
/// Reads a configuration. Throws std::exception with what is wrong.
using Load = std::function<Loaded(const ReadFile& read)>;

/// What a daemon does, for Service to start, reload and end. Called on the main thread only.
/// Whatever comes before the first configuration is applied finds nothing to do.
class ServiceBody {
  public:
    virtual ~ServiceBody() = default;

    /// It runs on a thread of its own, which may hang on a file and outlive the body: nothing in it
    /// refers to the body but what it returns for the main thread.
    [[nodiscard]] virtual Load loader() = 0;
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
/// SIGUSR1 drains, SIGTERM and SIGINT end. Main thread only; it owns that thread's loop, which goes
/// on while files are read and while a configuration comes into force.
class Service {
  public:
    struct Options {
        std::optional<log::Level> log_level = {};           ///< wins over the file
        std::optional<log::Level> fallback_log_level = {};  ///< where the file has none
        ReadFile read = read_file;
        /// How long all files together may take to be read.
        std::chrono::milliseconds read_timeout{10'000};
    };

    /// Blocks signals and raises the limit of descriptors: before the first thread.
    explicit Service(Options options);
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    [[nodiscard]] net::EventLoop& loop() noexcept { return loop_; }
    /// Starts, and serves until a signal ends it. Throws std::runtime_error with what is wrong.
    void run(ServiceBody& body);

  private:
    enum class State : std::uint8_t { starting, serving, draining, ended };
    struct Read;
    class Progress;

    void load();
    void on_read(const Read& read);
    void on_late();
    void on_applied();
    void on_failed(const std::string& problem);
    void on_signal(int signal);
    void reload();
    void drain();
    void end();
    void end_loading();
    void watch();

    const Options options_;
    log::Settings log_;  ///< in force
    log::TargetPtr log_target_;
    net::EventLoop loop_;
    std::optional<SignalReader> signals_;
    net::Timer watchdog_;
    SideThread reader_;
    net::Timer late_;  ///< when the files have had their time
    std::shared_ptr<Progress> progress_;
    bool loading_ = false;  ///< until it is in force or has failed
    bool again_ = false;    ///< a SIGHUP came meanwhile
    std::string start_problem_;
    State state_ = State::starting;
    bool alive_ = true;  ///< every thread has given a sign of life
    ServiceBody* body_ = nullptr;
};

}  // namespace daemons
