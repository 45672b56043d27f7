#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "patroni_proxy/history/story/observation.h"

namespace proxy::history {

/// The latest counts of a cluster's ports, and the difference since an incident began. Sessions
/// end before the first sign of an incident is seen, so it counts from a little earlier. Pure.
class CountsWindow {
  public:
    /// How long before its first sign an incident counts.
    static constexpr std::chrono::seconds kBefore{3};

    void add(CountsSeen counts);
    /// Counts from kBefore before `moment` on.
    void begin(Clock::time_point moment);
    /// Keeps only the last few seconds again.
    void end() { kept_since_.reset(); }

    /// By port, since begin(), without ports where nothing was counted. `leader`: whose first
    /// session is wanted; empty: none.
    [[nodiscard]] std::vector<PortShare> since_begin(const std::string& leader) const;
    /// Whether clients wait now and did so in the counts before: a brief wait is no incident.
    [[nodiscard]] bool anyone_waits() const;
    /// Whether a client was refused or had to wait noticeably since the counts before.
    [[nodiscard]] bool anyone_was_turned_away() const;

  private:
    std::deque<CountsSeen> recent_;  ///< the last few seconds
    CountsSeen base_;
    std::map<std::string, double> longest_;  ///< of holds since begin()
    std::optional<Clock::time_point> kept_since_;
};

/// Refused as configured or as an operator wanted: no sign of an incident.
[[nodiscard]] bool is_expected_refusal(const std::string& reason);

}  // namespace proxy::history
