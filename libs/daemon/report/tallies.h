#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "daemon/report/metrics.h"
#include "daemon/text/json.h"
#include "patroni/watch/cluster_watcher.h"

// What both daemons count and tell of themselves: in their status and their metrics.
namespace daemons {

/// How asking Patroni went.
struct PollReport {
    std::uint64_t good = 0;
    std::uint64_t failed = 0;
    std::string last_error;    ///< empty if the last one was good
    std::string last_host;     ///< whom the last one asked
    double seconds_total = 0;  ///< all of them took
    double last_seconds = 0;   ///< the last one took

    void note(const patroni::ClusterWatcher::PollResult& round);
};

struct ReloadReport {
    std::uint64_t good = 0;
    std::uint64_t failed = 0;
    std::optional<double> last_age = {};  ///< empty if there was none
    bool last_good = true;                ///< also if there was none
    std::string last_error = {};
};

/// Counts reloads. One thread at a time.
class ReloadTally {
  public:
    /// How one went: an empty text if well.
    void note(const std::string& error);
    [[nodiscard]] ReloadReport report() const;

  private:
    ReloadReport report_;
    std::chrono::steady_clock::time_point last_at_;
};

[[nodiscard]] Json json_of(const PollReport& polls);
[[nodiscard]] Json json_of(const ReloadReport& reload);
void add_polls(Metrics& out, const PollReport& polls, const Labels& of_cluster);
void add_reloads(Metrics& out, const ReloadReport& reload);

}  // namespace daemons
