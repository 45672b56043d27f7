#include "daemon/report/leader_tally.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace daemons {

bool expects_leader(const patroni::ClusterSnapshot& snapshot) {
    return std::none_of(snapshot.members.begin(), snapshot.members.end(), [](const auto& member) {
        return member.role == patroni::Role::standby_leader;
    });
}

void LeaderTally::on_view(const patroni::ClusterView& view, patroni::Clock::time_point now) {
    if (!view.snapshot)
        return;
    state_.expected = expects_leader(*view.snapshot);
    const std::string& leader = view.leader.member;
    const bool led = std::exchange(state_.leads, !leader.empty());
    if (!state_.expected) {
        state_.since.reset();
    } else if (state_.leads) {
        if (state_.since) {
            const std::chrono::duration<double> without = now - *state_.since;
            state_.counts.leaderless_seconds += without.count();
            state_.counts.leaderless_time.note(without.count());
            state_.since.reset();
        }
        if (!state_.leader.empty() && state_.leader != leader)
            ++state_.counts.changes;
    } else if (led && !state_.since) {
        state_.since = now;
    }
    if (state_.leads)
        state_.leader = leader;
}

/// Not before the first poll has ended: until then the member that Patroni names has not been asked
/// itself.
void LeaderTally::on_answered_poll(patroni::Clock::time_point now) {
    if (state_.expected && !state_.leads && !state_.since)
        state_.since = now;
}

LeaderCounts LeaderTally::counts(patroni::Clock::time_point now) const {
    LeaderCounts counts = state_.counts;
    if (state_.since)
        counts.leaderless_seconds += std::chrono::duration<double>(now - *state_.since).count();
    return counts;
}

}  // namespace daemons
