#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "daemon/system/process_usage.h"
#include "daemon/text/json.h"
#include "daemon/text/metrics.h"

// What both daemons tell of their own process, in their status and their metrics. Any thread.
namespace daemons {

[[nodiscard]] double seconds_since(std::chrono::steady_clock::time_point time);

struct ReloadReport {
    std::uint64_t good = 0;
    std::uint64_t failed = 0;
    std::optional<double> last_age = {};  ///< seconds; empty: no reload yet
    bool last_good = true;                ///< true, too, if there was no reload yet
    std::string last_error = {};
};

/// Counts reloads. One thread at a time.
class ReloadTally {
  public:
    /// `error` is empty for a reload that worked.
    void note(const std::string& error);
    [[nodiscard]] ReloadReport report() const;

    /// For another process: what it counted, and when it last did.
    struct State {
        ReloadReport report{};  ///< without `last_age`
        std::chrono::steady_clock::time_point last_at{};
    };
    [[nodiscard]] State state() const { return {report_, last_at_}; }
    void go_on_with(const State& state) {
        report_ = state.report;
        last_at_ = state.last_at;
    }

  private:
    ReloadReport report_;
    std::chrono::steady_clock::time_point last_at_;
};

struct ProcessReport {
    std::string version;
    double uptime = 0;  ///< seconds
    std::uint64_t descriptors = 0;
    std::uint64_t max_descriptors = 0;
    std::uint64_t log_lines_dropped = 0;
    std::string log_problem = {};  ///< why the last line could not be written; empty if it could
    ProcessUsage usage = {};
    ReloadReport reload;
};
[[nodiscard]] ProcessReport process_report(const std::string& version,
                                           std::chrono::steady_clock::time_point started,
                                           const ReloadTally& reloads);

[[nodiscard]] Json json_of(const ReloadReport& reload);
/// Descriptors, lost log lines, reloads, and process_* under the names that every Prometheus client
/// library uses.
void add_process(Metrics& out, const ProcessReport& report);

}  // namespace daemons
