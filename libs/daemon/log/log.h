#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The daemon's log: one line per event, on stderr or in a file.
//
// Any thread may log at any time and never waits: it puts the line into a bounded queue, which a
// thread of its own writes out. A target that blocks or fails (a full pipe, a full or hung disk)
// loses events and does no other harm: a line reports their number once there is room again.
//
// Whatever bytes come in, even from peers, an event is one line of valid UTF-8.
namespace daemons::log {

enum class Level { error, warning, info, debug };
/// text: 2026-11-21 05:03:24.123 INFO message name=value name="other value", in local time.
/// json: {"time":"2026-11-21T05:03:24.123+00:00","level":"info","message":"...","name":"value"}
enum class Format { text, json };

/// "error", "warning" or "warn", "info", "debug" or "trace", in any case; nothing for
/// anything else.
[[nodiscard]] std::optional<Level> level_from(std::string_view name);
/// "error", "warning", "info" or "debug".
[[nodiscard]] std::string_view name_of(Level level);
/// The level that RUST_LOG sets for patroni_proxy, as in "info,patroni_proxy=debug,hyper=off": its
/// own directive, else one of its modules', else the general one. Nothing without any of these.
[[nodiscard]] std::optional<Level> level_from_rust_log(std::string_view directives);

struct Settings {
    Level level = Level::info;
    Format format = Format::text;
    std::string file = {};  ///< appended to, created if missing; empty: stderr

    bool operator==(const Settings&) const = default;
};

/// Where lines go: stderr, or a file that is open.
class Target;
using TargetPtr = std::shared_ptr<Target>;
/// Opens the settings' file, also again after it was rotated; does not put it in force. A regular
/// file, a FIFO with a reader, or a device. Throws FileError if it cannot be opened. Any thread; a
/// hung file system blocks it.
[[nodiscard]] TargetPtr open(const Settings& settings);
/// Puts settings in force from the next event on; the default is Settings{}. One thread at a time.
/// `target` is the result of open() for these settings.
void configure(const Settings& settings, const TargetPtr& target);
/// Opens and configures. Throws FileError, and then nothing has changed.
void configure(const Settings& settings);

/// A named value beside the message, for programs.
struct Field {
    std::string_view name;  ///< a plain word, and none of "time", "level" and "message"
    std::string value;
};
using Fields = std::vector<Field>;

[[nodiscard]] bool enabled(Level level);
[[nodiscard]] bool debug_enabled();

/// Message and values are cut after 16 KiB each. The very first event starts the thread, and throws
/// std::system_error if it cannot be started.
void write(Level level, const std::string& message, const Fields& fields = {});
void error(const std::string& message, const Fields& fields = {});
void warning(const std::string& message, const Fields& fields = {});
void info(const std::string& message, const Fields& fields = {});
void debug(const std::string& message, const Fields& fields = {});
/// Calls `make` for the message only if it will be logged.
template <typename Make>
auto debug(Make make) -> decltype(void(make())) {
    if (debug_enabled())
        debug(std::string(make()));
}

/// Waits until everything logged before is written (or lost to a failing target); false after
/// `timeout`. exit() and the end of main() do so for at most a second.
bool flush(std::chrono::milliseconds timeout);

/// Events lost since the start because the queue was full or the target failed.
[[nodiscard]] std::uint64_t dropped();

}  // namespace daemons::log
