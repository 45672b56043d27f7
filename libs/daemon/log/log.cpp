#include "daemon/log/log.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <pthread.h>
#include <span>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "daemon/log/file_target.h"
#include "daemon/log/log_line.h"
#include "daemon/log/log_queue.h"
#include "daemon/log/log_target.h"
#include "daemon/log/syslog_target.h"
#include "daemon/text/units.h"

namespace daemons::log {
namespace {

constexpr std::chrono::seconds kLongestExit{1};

// constinit, so that static constructors and destructors may log.
constinit std::atomic<Level> level_in_force{Level::info};
constinit std::atomic<Format> format_in_force{Format::text};
constinit std::atomic<std::uint64_t> events_dropped{0};

/// In the format in force.
Record record_of(const Event& event) {
    return {event.level, std::string(event.about.event),
            line_of(event, format_in_force.load(std::memory_order_relaxed))};
}

Record record_of(Level level, const About& about, const std::string& message,
                 const Fields& fields) {
    return record_of({level, std::chrono::system_clock::now(), about, message, fields});
}

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

    [[nodiscard]] std::string problem() {
        const base::MutexLock lock(problem_mutex_);
        return problem_;
    }

  private:
    [[noreturn]] void run() {
        ::pthread_setname_np(::pthread_self(), "log");
        target_ = open(Settings{});
        std::vector<Entry> entries;
        for (;;) {
            queue.take(entries);
            for (Entry& entry : entries)
                process(entry);
            write_lines();
        }
    }

    /// Lines are collected until something else follows.
    void process(Entry& entry) {
        if (entry.target) {
            write_lines();
            use(std::move(entry.target));
        } else if (entry.window) {
            lines_.push_back(count_of(*entry.window));
        } else {
            lines_.push_back(std::move(entry.record));
        }
        if (entry.lost_after == 0)
            return;
        write_lines();
        lost_ += entry.lost_after;
        tell_loss();
    }

    void use(TargetPtr target) {
        target_ = std::move(target);
        named_ = false;
        note(0);
    }

    void write_lines() {
        std::span<const Record> left = lines_;
        while (!left.empty()) {
            const auto [count, error] = target_->write(left);
            note(error);
            left = left.subspan(count);
            if (error != 0) {
                left = left.subspan(1);
                ++lost_;
                events_dropped.fetch_add(1);
            }
            tell_loss();
        }
        lines_.clear();
    }

    /// As soon as the target takes a line again.
    void tell_loss() {
        if (lost_ == 0)
            return;
        const Record line = line_of_loss(lost_);
        const int error = target_->write({&line, 1}).error;
        note(error);
        if (error == 0)
            lost_ = 0;
    }

    /// Named once on stderr, not with each line: a disk may stay full for hours.
    void note(int error) {
        if (std::exchange(error_, error) == error)
            return;
        const std::string problem =
            error == 0 ? "" : target_->name() + ": " + std::generic_category().message(error);
        {
            const base::MutexLock lock(problem_mutex_);
            problem_ = problem;
        }
        if (problem.empty() || std::exchange(named_, true) || target_->name() == "stderr")
            return;
        write_to_stderr_at_once(
            record_of(Level::error, {"log_target_failed"},
                      "log: lines are lost, because they cannot be written to " + problem, {}));
    }

    static Record line_of_loss(std::uint64_t count) {
        return record_of(Level::warning, {"log_lines_lost"}, "log: events were lost",
                         {{"count", count}});
    }

    static Record count_of(Window& window) {
        const std::uint64_t count = window.suppressed.exchange(Window::kClosed);
        const auto end = std::min(window.closes, std::chrono::steady_clock::now());
        const std::chrono::duration<double> span = end - window.opened;
        std::string message = window.message;
        message.append(" (").append(std::to_string(count)).append(" more like this within ");
        message.append(duration_text(span)).append(")");
        return record_of(window.level, {window.event, window.subject, window.member}, message,
                         {{"suppressed", count}, {"within_seconds", span.count()}});
    }

    TargetPtr target_;
    std::vector<Record> lines_;  ///< to be written next
    std::uint64_t lost_ = 0;     ///< events, since a line has told their number
    int error_ = 0;              ///< of the last write
    bool named_ = false;         ///< this target's first failure has been named on stderr
    base::Mutex problem_mutex_;
    std::string problem_ GUARDED_BY(problem_mutex_);
};

Writer& writer() {
    struct FlushAtExit {
        ~FlushAtExit() {
            writer().queue.close_windows();
            writer().queue.wait_until_done(kLongestExit);
        }
    };
    static Writer& instance = *new Writer;
    static const FlushAtExit at_exit;
    return instance;
}

}  // namespace

TargetPtr open(const Settings& settings) {
    if (!settings.syslog.empty())
        return std::make_shared<SyslogTarget>(settings.syslog, settings.syslog_facility);
    return std::make_shared<FileTarget>(settings.file);
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
void write(Level level, const About& about, const std::string& message, const Fields& fields) {
    if (!enabled(level))
        return;
    if (!writer().queue.push(record_of(level, about, message, fields)))
        events_dropped.fetch_add(1);
}
void error(const About& about, const std::string& message, const Fields& fields) {
    write(Level::error, about, message, fields);
}
void warning(const About& about, const std::string& message, const Fields& fields) {
    write(Level::warning, about, message, fields);
}
void info(const About& about, const std::string& message, const Fields& fields) {
    write(Level::info, about, message, fields);
}
void debug(const About& about, const std::string& message, const Fields& fields) {
    write(Level::debug, about, message, fields);
}

void tell_later(const WindowPtr& window) {
    writer().queue.push(window);
}

bool flush(std::chrono::milliseconds timeout) {
    return writer().queue.wait_until_done(timeout);
}
std::uint64_t dropped() {
    return events_dropped.load();
}
std::string problem() {
    return writer().problem();
}

}  // namespace daemons::log
