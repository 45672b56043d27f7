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
    expected_ = expects_leader(*view.snapshot);
    const std::string& leader = view.leader.member;
    const bool led = std::exchange(leads_, !leader.empty());
    if (!expected_) {
        since_.reset();
    } else if (leads_) {
        if (since_) {
            const std::chrono::duration<double> without = now - *since_;
            counts_.leaderless_seconds += without.count();
            counts_.leaderless_time.note(without.count());
            since_.reset();
        }
        if (!leader_.empty() && leader_ != leader)
            ++counts_.changes;
    } else if (led && !since_) {
        since_ = now;
    }
    if (leads_)
        leader_ = leader;
}

/// Not before the first poll has ended: until then the member that Patroni names has not been asked
/// itself.
void LeaderTally::on_answered_poll(patroni::Clock::time_point now) {
    if (expected_ && !leads_ && !since_)
        since_ = now;
}

LeaderCounts LeaderTally::counts(patroni::Clock::time_point now) const {
    LeaderCounts counts = counts_;
    if (since_)
        counts.leaderless_seconds += std::chrono::duration<double>(now - *since_).count();
    return counts;
}

}  // namespace daemons
