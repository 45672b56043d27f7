#include "patroni_proxy/session/selection/drain_pace.h"

#include <algorithm>

namespace proxy {
namespace {

/// What ending it costs the client; 0: nothing.
int cost_of_ending(const DrainCandidate& candidate) {
    if (!candidate.busy)
        return 1;
    return *candidate.busy ? 2 : 0;
}

bool before(const DrainCandidate& a, const DrainCandidate& b) {
    const int cost_a = cost_of_ending(a);
    const int cost_b = cost_of_ending(b);
    return cost_a != cost_b ? cost_a < cost_b : a.silence > b.silence;
}

}  // namespace

std::vector<DrainCandidate> next_to_end(std::vector<DrainCandidate> candidates, std::size_t most,
                                        bool overdue) {
    if (!overdue)
        std::erase_if(candidates, [](const auto& each) { return cost_of_ending(each) != 0; });
    const auto end =
        candidates.begin() + static_cast<std::ptrdiff_t>(std::min(most, candidates.size()));
    std::partial_sort(candidates.begin(), end, candidates.end(), before);
    candidates.erase(end, candidates.end());
    return candidates;
}

void PaceCounter::pass(std::chrono::duration<double> time) {
    // However slow the pace is, one whole session can be saved up.
    credit_ = std::min(credit_ + rate_ * time.count(), std::max(rate_, 1.0));
}

}  // namespace proxy
