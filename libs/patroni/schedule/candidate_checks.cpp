#include "patroni/schedule/candidate_checks.h"

#include <algorithm>

namespace patroni {
namespace {

constexpr std::chrono::milliseconds kGap{50};
// Promotion takes a second or two. A candidate that takes longer is left to the polls.
constexpr std::chrono::seconds kGiveUpAfter{5};

}  // namespace

bool CandidateChecks::take(const std::string& candidate, Clock::time_point now) {
    if (candidate != candidate_) {
        candidate_ = candidate;
        since_ = asked_at_ = now;
        next_at_ = now + kGap;
        min_gap_ = MinGap(kParts);
    }
    if (candidate_.empty() || now - since_ >= kGiveUpAfter) {
        next_at_ = Clock::time_point::max();
        return false;
    }
    if (now < next_at_)
        return false;
    asked_at_ = now;
    next_at_ = now + kGap;
    return true;
}

void CandidateChecks::answered(const std::string& member, Clock::duration took) {
    if (member == candidate_)
        next_at_ = asked_at_ + std::max<Clock::duration>(kGap, min_gap_.after(took));
}

}  // namespace patroni
