#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "patroni_proxy/report/report.h"
#include "patroni_proxy/config/config.h"
#include "patroni_proxy/topology/overrides.h"

namespace proxy {

/// What an operator can set. The words are those of /status.
enum class Operation : std::uint8_t {
    drain,  ///< a member gets no new sessions
};
/// "drain", ...
[[nodiscard]] std::string_view name_of(Operation operation);

/// One thing that an operator has set, with who did it, why and until when.
struct OperatorSetting {
    using Clock = std::chrono::steady_clock;

    Operation operation = Operation::drain;
    std::string cluster{};
    std::string target{};                        ///< the member or port
    std::string why{};                           ///< as the operator wrote it; may be empty
    std::string by{};                            ///< "uid 1000, pid 42"
    double since = 0;                            ///< Unix time
    std::optional<double> until{};               ///< Unix time; empty: until it is lifted
    std::optional<Clock::time_point> expires{};  ///< the same by a clock that nobody sets

    /// "main/p1", or "main" for the whole cluster.
    [[nodiscard]] std::string subject() const;
    /// "drained by uid 1000, pid 42: WHY": for verdicts, clients and the log.
    [[nodiscard]] std::string reason() const;
};

/// All that operators have set. A value; what it changes is computed by pure functions.
class OperatorSettings {
  public:
    /// Null if that is not set.
    [[nodiscard]] const OperatorSetting* find(Operation operation, const std::string& cluster,
                                              const std::string& target) const;
    /// Replaces what was set for the same subject.
    void set(OperatorSetting setting);
    /// False if it was not set.
    bool lift(Operation operation, const std::string& cluster, const std::string& target);
    /// Removes and returns what has expired by `now`.
    std::vector<OperatorSetting> take_expired(OperatorSetting::Clock::time_point now);
    /// Removes and returns what is about clusters or ports that the configuration lacks. Members
    /// are not in the file: what is set for them stays as long as their cluster.
    std::vector<OperatorSetting> take_removed(const Config& config);
    /// When the next one expires.
    [[nodiscard]] std::optional<OperatorSetting::Clock::time_point> next_expiry() const;

    /// What they change of a cluster's verdicts.
    [[nodiscard]] Overrides overrides_of(const std::string& cluster) const;
    /// Those of one cluster, for the report.
    [[nodiscard]] std::vector<OperatorReport> report_of(const std::string& cluster) const;

  private:
    std::vector<OperatorSetting> settings_;  ///< in the order in which they were set
};

}  // namespace proxy
