#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/histogram.h"
#include "patroni/verdict/cluster_view.h"

namespace daemons {

struct LeaderlessScale {
    static constexpr std::array bounds{0.1,  0.25, 0.5,  1.0,  2.5,   5.0,
                                       10.0, 20.0, 30.0, 60.0, 120.0, 300.0};
};

/// Counts of a cluster's leaders. A standby cluster has no leader and counts nothing.
struct LeaderCounts {
    std::uint64_t changes = 0;                         ///< times that another member became leader
    double leaderless_seconds = 0;                     ///< in total, up to now
    base::Histogram<LeaderlessScale> leaderless_time;  ///< of each leaderless time that has ended
};

/// Counts changes of a cluster's leader and the time without one, which starts when the leader is
/// lost or when the first poll finds none. One thread at a time; no clock.
class LeaderTally {
  public:
    void on_view(const patroni::ClusterView& view, patroni::Clock::time_point now);
    void on_answered_poll(patroni::Clock::time_point now);
    [[nodiscard]] LeaderCounts counts(patroni::Clock::time_point now) const;

    /// All that it knows, for another process.
    struct State {
        LeaderCounts counts{};  ///< without the leaderless time that goes on
        std::string leader{};   ///< the last one that was known
        bool leads = false;     ///< the latest view has a leader
        bool expected = false;  ///< the cluster is known and is not a standby cluster
        std::optional<patroni::Clock::time_point> since{};  ///< since when nobody leads
    };
    [[nodiscard]] const State& state() const noexcept { return state_; }
    void go_on_with(State state) { state_ = std::move(state); }

  private:
    State state_;
};

/// False for a standby cluster.
[[nodiscard]] bool expects_leader(const patroni::ClusterSnapshot& snapshot);

}  // namespace daemons
