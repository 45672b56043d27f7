#include "patroni/verdict/known_identity.h"

#include <algorithm>
#include <utility>

#include "patroni/verdict/evidence.h"

namespace patroni {

bool KnownIdentity::wants_vote_of(const std::string& host) const {
    return hosts_ > 1 && !firm_ && !votes_.contains(host);
}

void KnownIdentity::vote(const std::string& host, const ClusterIdentity& told) {
    votes_[host] = told;
    if (!settled_ || firm_)
        return;
    if (const Count most = most_voted(); 2 * most.votes > hosts_) {
        take(most.identity);
        firm_ = true;
    }
}

bool KnownIdentity::settle(bool no_more) {
    if (settled_)
        return true;
    const Count most = most_voted();
    dispute_.clear();
    if (2 * most.votes <= hosts_) {
        if (!no_more)
            return false;
        if (most.is_tie) {
            dispute_ =
                "hosts belong to different clusters, and none has a majority; set scope and "
                "system_identifier:";
            for (const auto& [host, told] : votes_)
                dispute_.append(" ")
                    .append(host)
                    .append(" belongs to ")
                    .append(told.words())
                    .append(";");
            dispute_.pop_back();
            votes_.clear();  // they are asked again
            return false;
        }
    }
    if (most.votes > 0)
        take(most.identity);
    settled_ = true;
    firm_ = 2 * most.votes > hosts_ || hosts_ == 1;
    return true;
}

KnownIdentity::Count KnownIdentity::most_voted() const {
    Count most;
    for (const auto& entry : votes_) {
        const ClusterIdentity& told = entry.second;
        if (told.contradicts(stated_))
            continue;
        const auto votes = static_cast<std::size_t>(std::count_if(
            votes_.begin(), votes_.end(), [&](const auto& vote) { return vote.second == told; }));
        if (votes > most.votes)
            most = {told, votes, false};
        else if (votes == most.votes && told.contradicts(most.identity))
            most.is_tie = true;
    }
    return most;
}

void KnownIdentity::take(const ClusterIdentity& told) {
    known_ = stated_;
    complete(told);
}

void KnownIdentity::complete(const ClusterIdentity& told) {
    if (known_.contradicts(told))
        return;
    if (known_.scope.empty())
        known_.scope = told.scope;
    if (known_.system_identifier.empty())
        known_.system_identifier = told.system_identifier;
}

void KnownIdentity::hear(const ClusterIdentity& told, bool is_known_member) {
    if (told.system_identifier.empty())
        return;
    if (!known_.contradicts(told)) {
        heard_known_ = true;
        return;
    }
    heard_several_ |= heard_other_ && *heard_other_ != told;
    heard_member_ |= is_known_member;
    heard_other_ = told;
}

bool KnownIdentity::end_poll(Clock::time_point now) {
    const auto other = std::exchange(heard_other_, std::nullopt);
    const bool by_known = std::exchange(heard_known_, false);
    const bool by_member = std::exchange(heard_member_, false);
    const bool several = std::exchange(heard_several_, false);
    if (!other && !by_known)
        return false;
    if (by_known || several || !by_member || !stated_.system_identifier.empty() ||
        other->scope != known_.scope) {
        successor_.reset();
        return false;
    }
    if (!successor_ || successor_->identity != *other) {
        successor_ = {*other, now};
        return false;
    }
    // While most hosts are silent, the one that answers may be another cluster's.
    const auto votes = std::count_if(votes_.begin(), votes_.end(), [&](const auto& vote) {
        return vote.second.system_identifier == other->system_identifier;
    });
    if (now - successor_->since < Evidence::kConfirmAfter ||
        2 * static_cast<std::size_t>(votes) <= hosts_)
        return false;
    known_ = *other;
    successor_.reset();
    votes_.clear();
    return true;
}

}  // namespace patroni
