#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What the daemon tells its operators: one line an event, on stderr or in a file.
//
// Any thread may log at any time and never waits: the line is made where the event happens and
// put into a bounded queue, which a thread of its own writes out. A target that blocks or fails (a
// full pipe, a full or hung disk) costs events and nothing else: they are counted, and told by a
// line of their own once there is room again.
//
// Whatever bytes come in, from peers too, an event stays one line of valid UTF-8.
namespace daemons::log {

enum class Level { error, warning, info, debug };
/// text: 2026-11-21 05:03:24.123 INFO message name=value name="other value", in local time.
/// json: {"time":"2026-11-21T05:03:24.123+00:00","level":"info","message":"...","name":"value"}
enum class Format { text, json };

/// "error", "warning" or "warn", "info", "debug" or "trace", in any case; nothing if it is
/// anything else.
[[nodiscard]] std::optional<Level> level_from(std::string_view name);
/// What RUST_LOG asks of patroni_proxy, as in "info,patroni_proxy=debug,hyper=off": its own
/// directive, else one of its modules', else the one for all. Nothing if there is none of these.
[[nodiscard]] std::optional<Level> level_from_rust_log(std::string_view directives);

struct Settings {
    Level level = Level::info;
    Format format = Format::text;
    std::string file = {};  ///< appended to, made if it is missing; empty: stderr

    bool operator==(const Settings&) const = default;
};

/// Where lines go: stderr, or a file that is open.
class Target;
using TargetPtr = std::shared_ptr<Target>;
/// Opens the settings' file anew, as is wanted once it has been rotated, and changes nothing. A
/// regular file, a FIFO that somebody reads, or a device; nothing that blocks the log alone can
/// block anybody else. Throws FileError if it cannot be opened. Any thread; a file system that
/// hangs blocks it.
[[nodiscard]] TargetPtr open(const Settings& settings);
/// From the next event on, at any time, from one thread; until then Settings{} is in force.
/// `target` is what open() made of the settings.
void configure(const Settings& settings, const TargetPtr& target);
/// Both. Throws FileError, and then nothing has changed.
void configure(const Settings& settings);

/// Told apart from the message, so that programs can find it.
struct Field {
    std::string_view name;  ///< a plain word, and none of "time", "level" and "message"
    std::string value;
};
using Fields = std::vector<Field>;

[[nodiscard]] bool enabled(Level level);
[[nodiscard]] bool debug_enabled();

/// Of message and values the first 16 KiB each. The very first event starts the thread and throws
/// std::system_error if there can be none.
void error(const std::string& message, const Fields& fields = {});
void warning(const std::string& message, const Fields& fields = {});
void info(const std::string& message, const Fields& fields = {});
void debug(const std::string& message, const Fields& fields = {});
/// The message is not made unless it is wanted: `make` returns it.
template <typename Make>
auto debug(Make make) -> decltype(void(make())) {
    if (debug_enabled())
        debug(std::string(make()));
}

/// Waits until all that was logged before is written (or lost to a failing target), at most for
/// `timeout`; false if time is up. exit() and the end of main() do so, for a second.
bool flush(std::chrono::milliseconds timeout);

/// Events lost since the start: there was no room for them, or they could not be written.
[[nodiscard]] std::uint64_t dropped();

}  // namespace daemons::log
