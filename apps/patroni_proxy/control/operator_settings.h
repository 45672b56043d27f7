#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "patroni_proxy/config/config.h"
#include "patroni_proxy/host/port_settings.h"
#include "patroni_proxy/report/report.h"
#include "patroni_proxy/topology/operator_limits.h"

namespace proxy {

/// What an operator can set. The words are those of /status.
enum class Operation : std::uint8_t {
    drain,    ///< a member gets no new sessions, on one port or on all
    cap,      ///< a member gets no more than so many sessions
    hold,     ///< new clients of a port wait
    disable,  ///< new clients of a port are refused
    freeze,   ///< a cluster's routing stays as it is, whatever Patroni says
};
/// "drain", ...
[[nodiscard]] std::string_view name_of(Operation operation);

/// What a setting is about.
struct Subject {
    Operation operation = Operation::drain;
    std::string cluster{};
    std::string member{};  ///< of a drain or cap; else empty
    std::string port{};    ///< of a hold or disable, or of a drain on one port; else empty

    /// "main/p1", "main/rw", "main/p1 on port rw", "main".
    [[nodiscard]] std::string text() const;

    friend bool operator==(const Subject&, const Subject&) = default;
};

/// One thing that an operator has set, with who did it, why and until when.
struct OperatorSetting {
    using Clock = std::chrono::steady_clock;

    Subject subject{};
    std::string why{};                           ///< as the operator wrote it; may be empty
    std::string by{};                            ///< "uid 1000, pid 42"
    double since = 0;                            ///< Unix time
    std::optional<double> until{};               ///< Unix time; empty: until it is lifted
    std::optional<Clock::time_point> expires{};  ///< the same by a clock that nobody sets
    std::optional<std::uint32_t> sessions{};     ///< of a cap
    bool maintenance = false;                    ///< of a drain: asked for as maintenance

    /// "drained by uid 1000, pid 42: WHY": for verdicts, clients and the log.
    [[nodiscard]] std::string reason() const;
    /// " (since 2026-11-27 16:40:00 UTC, until 2026-11-27 18:40:00 UTC)", to follow the reason.
    [[nodiscard]] std::string times() const;
};

/// All that operators have set. A value; what it changes is computed by pure functions.
class OperatorSettings {
  public:
    using Clock = OperatorSetting::Clock;
    /// When the last hold of a port ended, by cluster and port.
    using HoldsEnded = std::map<std::pair<std::string, std::string>, Clock::time_point>;

    OperatorSettings() = default;
    OperatorSettings(std::vector<OperatorSetting> settings, HoldsEnded holds_ended)
        : settings_(std::move(settings)), holds_ended_(std::move(holds_ended)) {}

    /// In the order in which they were set.
    [[nodiscard]] const std::vector<OperatorSetting>& all() const noexcept { return settings_; }
    [[nodiscard]] const HoldsEnded& holds_ended() const noexcept { return holds_ended_; }
    /// Null if that is not set.
    [[nodiscard]] const OperatorSetting* find(const Subject& subject) const;
    /// The drains of one member, on all ports or on one.
    [[nodiscard]] std::vector<Subject> drains_of(const std::string& cluster,
                                                 const std::string& member) const;
    [[nodiscard]] std::vector<OperatorSetting> frozen() const;
    /// Replaces what was set for the same subject.
    void set(OperatorSetting setting);
    /// False if it was not set.
    bool lift(const Subject& subject, Clock::time_point now);
    /// Removes and returns what has expired by `now`.
    std::vector<OperatorSetting> take_expired(Clock::time_point now);
    /// Removes and returns what is about clusters or ports that the configuration lacks. Members
    /// are not in the file: what is set for them stays as long as their cluster.
    std::vector<OperatorSetting> take_removed(const Config& config);
    /// When the next one expires.
    [[nodiscard]] std::optional<Clock::time_point> next_expiry() const;

    /// What they change of a cluster's verdicts.
    [[nodiscard]] OperatorLimits limits_of(const std::string& cluster) const;
    /// How a port treats its clients, by the file and by these settings.
    [[nodiscard]] PortSettings settings_of(const std::string& cluster,
                                           const PortConfig& port) const;
    /// Those of members and of the whole cluster (`port` is empty), or those of a port.
    [[nodiscard]] std::vector<OperatorReport> report_of(const std::string& cluster,
                                                        const std::string& port = {}) const;

  private:
    void note_end(const OperatorSetting& setting, Clock::time_point now);

    std::vector<OperatorSetting> settings_;  ///< in the order in which they were set
    HoldsEnded holds_ended_;
};

}  // namespace proxy
