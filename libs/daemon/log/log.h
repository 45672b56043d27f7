#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

// The daemon's log: one line per event, on stderr, in a file, or to syslog.
//
// Any thread may log at any time and never waits: it puts the line into a bounded queue, which a
// thread of its own writes out, at the latest after 10 ms. A target that blocks or fails (a full
// pipe, a full or hung disk) loses events and does no other harm: a line reports their number once
// there is room again.
//
// Whatever bytes come in, even from peers, an event is one line of valid UTF-8.
namespace daemons::log {

enum class Level { error, warning, info, debug };
/// text: 2026-11-21 05:03:24.123 INFO message name=value name="other value", in local time.
/// json: {"time":"2026-11-21T05:03:24.123+00:00","level":"info","event":"session_ended",
///        "cluster":"main","port":"master","message":"...","name":"value","number":1}
enum class Format { text, json };

/// "error", "warning" or "warn", "info", "debug" or "trace", in any case; nothing for
/// anything else.
[[nodiscard]] std::optional<Level> level_from(std::string_view name);
/// For ->check() of an option that takes a level.
[[nodiscard]] std::string check_level(const std::string& name);
/// "error", "warning", "info" or "debug".
[[nodiscard]] std::string_view name_of(Level level);
/// The level that RUST_LOG sets for patroni_proxy, as in "info,patroni_proxy=debug,hyper=off": its
/// own directive, else one of its modules', else the general one. Nothing without any of these.
[[nodiscard]] std::optional<Level> level_from_rust_log(std::string_view directives);

/// The facilities of RFC 5424, section 6.2.1, that a daemon may use, with their numbers.
inline constexpr std::pair<std::string_view, int> kFacilities[]{
    {"daemon", 3},  {"user", 1},    {"local0", 16}, {"local1", 17}, {"local2", 18},
    {"local3", 19}, {"local4", 20}, {"local5", 21}, {"local6", 22}, {"local7", 23}};

struct Settings {
    Level level = Level::info;
    Format format = Format::text;
    std::string file = {};    ///< appended to, created if missing; empty: stderr, or syslog
    std::string syslog = {};  ///< "10.0.0.5:514" (UDP) or "unix:/run/log"; empty: no syslog
    int syslog_facility = 3;

    bool operator==(const Settings&) const = default;
};

/// Where lines go: stderr, a file that is open, or syslog.
class Target;
using TargetPtr = std::shared_ptr<Target>;
/// Opens the settings' file, also again after it was rotated; does not put it in force. A regular
/// file, a FIFO with a reader, or a device. Throws FileError if it cannot be opened, and
/// std::runtime_error if the syslog address is invalid. Any thread; a hung file system blocks it.
[[nodiscard]] TargetPtr open(const Settings& settings);
/// Puts settings in force from the next event on; the default is Settings{}. One thread at a time.
/// `target` is the result of open() for these settings.
void configure(const Settings& settings, const TargetPtr& target);
/// Opens and configures. Throws FileError, and then nothing has changed.
void configure(const Settings& settings);

/// Names the message and what it is about, for programs: JSON has these as fields. For people the
/// text of the message says the same.
struct About {
    std::string_view event = {};    ///< the stable name of the message: see docs/log_events.md
    std::string_view subject = {};  ///< "cluster/port", a cluster, or empty
    std::string_view member = {};
    std::string_view client = {};  ///< an address
};

/// The value of a field: text, or a number, which JSON shows without quotes.
class Value {
  public:
    // Implicit, so that a field is written {"name", value}.
    // NOLINTBEGIN(google-explicit-constructor)
    Value(std::string text) : text_(std::move(text)) {}
    Value(std::string_view text) : text_(text) {}
    Value(const char* text) : text_(text) {}
    /// An empty optional is written as "-" in text and as null in JSON.
    Value(std::optional<std::string> text)
        : text_(text ? std::move(*text) : "-"), kind_(text ? Kind::text : Kind::unknown) {}
    Value(double number);
    template <typename Integer>
    requires std::is_integral_v<Integer> Value(Integer number)
        : text_(std::to_string(number)), kind_(Kind::number) {}
    // NOLINTEND(google-explicit-constructor)

    enum class Kind : std::uint8_t { text, number, unknown };
    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    [[nodiscard]] Kind kind() const noexcept { return kind_; }

  private:
    std::string text_;
    Kind kind_ = Kind::text;
};

/// A named value beside the message, for programs.
struct Field {
    std::string_view
        name;  ///< a plain word that is no field of every JSON line (time, level, event, message)
    Value value;
};
using Fields = std::initializer_list<Field>;

[[nodiscard]] bool enabled(Level level);
[[nodiscard]] bool debug_enabled();

/// Message and values are cut after 16 KiB each. The very first event starts the thread, and throws
/// std::system_error if it cannot be started.
void write(Level level, const About& about, const std::string& message, const Fields& fields = {});
void error(const About& about, const std::string& message, const Fields& fields = {});
void warning(const About& about, const std::string& message, const Fields& fields = {});
void info(const About& about, const std::string& message, const Fields& fields = {});
void debug(const About& about, const std::string& message, const Fields& fields = {});
/// Calls `make` for the message only if it will be logged.
template <typename Make>
auto debug(const About& about, Make make) -> decltype(void(make())) {
    if (debug_enabled())
        debug(about, std::string(make()));
}

/// Waits until everything logged before is written (or lost to a failing target); false after
/// `timeout`. exit() and the end of main() do so for at most a second.
bool flush(std::chrono::milliseconds timeout);

/// Events lost since the start because the queue was full or the target failed.
[[nodiscard]] std::uint64_t dropped();
/// Why the last line could not be written, with the target's name; empty if it could. The first
/// failure of a target that is not stderr is named on stderr as well.
[[nodiscard]] std::string problem();

}  // namespace daemons::log
