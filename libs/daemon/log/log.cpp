#include "daemon/log/log.h"

#include <atomic>
#include <csignal>
#include <exception>
#include <pthread.h>
#include <thread>
#include <utility>

#include <Poco/Message.h>

#include "daemon/log/log_line.h"
#include "daemon/log/log_queue.h"
#include "daemon/log/log_target.h"

namespace daemons::log {
namespace {

constexpr std::chrono::seconds kLongestExit{1};

// constinit, so that static constructors and destructors may log.
constinit std::atomic<Level> level_in_force{Level::info};
constinit std::atomic<Format> format_in_force{Format::text};
constinit std::atomic<std::uint64_t> events_dropped{0};

/// A new thread inherits the signal mask of its creator.
class AllSignalsBlocked {
  public:
    AllSignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    AllSignalsBlocked(const AllSignalsBlocked&) = delete;
    AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

  private:
    sigset_t before_{};
};

/// Writes the queue on a thread that ends only with the process, since nobody can join a thread
/// that waits for a hung disk. Therefore never destroyed.
class Writer {
  public:
    Writer() {
        // Leaves signals to the threads that wait for them, and makes a closed pipe an errno even
        // if the process does not ignore SIGPIPE.
        const AllSignalsBlocked blocked;
        std::thread([this] { run(); }).detach();
    }

    LogQueue queue;

  private:
    [[noreturn]] void run() {
        ::pthread_setname_np(::pthread_self(), "log");
        TargetPtr target = open(Settings{});
        std::uint64_t lost = 0;
        for (;;) {
            Entry entry = queue.take();
            if (entry.target) {
                target = std::move(entry.target);
            } else if (!write(target->channel(), entry.line)) {
                events_dropped.fetch_add(1);
                ++lost;
            }
            lost += entry.lost_after;
            if (lost > 0 && write(target->channel(), line_of_loss(lost)))
                lost = 0;
        }
    }

    static bool write(Poco::Channel& target, const std::string& line) {
        try {
            target.log(Poco::Message("daemon", line, Poco::Message::PRIO_INFORMATION));
            return true;
        } catch (const std::exception&) {
            return false;  // nobody is left to report it to
        }
    }

    static std::string line_of_loss(std::uint64_t count) {
        return line_of({.level = Level::warning,
                        .time = std::chrono::system_clock::now(),
                        .message = "log: events were lost",
                        .fields = {{"count", std::to_string(count)}}},
                       format_in_force.load());
    }
};

Writer& writer() {
    struct FlushAtExit {
        ~FlushAtExit() { writer().queue.wait_until_done(kLongestExit); }
    };
    static Writer& instance = *new Writer;
    static const FlushAtExit at_exit;
    return instance;
}

}  // namespace

TargetPtr open(const Settings& settings) {
    return std::make_shared<Target>(Poco::AutoPtr<Poco::Channel>(new LogTarget(settings.file)));
}

void configure(const Settings& settings) {
    configure(settings, open(settings));
}

void configure(const Settings& settings, const TargetPtr& target) {
    writer().queue.push(target);
    level_in_force = settings.level;
    format_in_force = settings.format;
}

bool enabled(Level level) {
    return level <= level_in_force.load(std::memory_order_relaxed);
}
bool debug_enabled() {
    return enabled(Level::debug);
}
void write(Level level, const std::string& message, const Fields& fields) {
    if (!enabled(level))
        return;
    const Event event{level, std::chrono::system_clock::now(), message, fields};
    if (!writer().queue.push(line_of(event, format_in_force.load(std::memory_order_relaxed))))
        events_dropped.fetch_add(1);
}
void error(const std::string& message, const Fields& fields) {
    write(Level::error, message, fields);
}
void warning(const std::string& message, const Fields& fields) {
    write(Level::warning, message, fields);
}
void info(const std::string& message, const Fields& fields) {
    write(Level::info, message, fields);
}
void debug(const std::string& message, const Fields& fields) {
    write(Level::debug, message, fields);
}

bool flush(std::chrono::milliseconds timeout) {
    return writer().queue.wait_until_done(timeout);
}
std::uint64_t dropped() {
    return events_dropped.load();
}

}  // namespace daemons::log
