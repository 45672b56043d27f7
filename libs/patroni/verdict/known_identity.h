#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "patroni/answers/identity.h"
#include "patroni/answers/observation.h"

namespace patroni {

/// Which cluster is followed: as stated, or learned from what its hosts say of themselves, by
/// majority where they disagree. No clock, no I/O. One thread at a time; a value.
///
/// What is learned stays, but for two cases. Learned from fewer than half of the hosts, it gives
/// way to what more than half of them say later. And a cluster that was initialised anew is
/// followed: same scope, another system identifier, told by all who answer, among them a member at
/// an address that was known before, in two polls.
class KnownIdentity {
  public:
    /// `hosts`: how many there are.
    KnownIdentity(ClusterIdentity stated, std::size_t hosts)
        : stated_(std::move(stated)), known_(stated_), hosts_(hosts) {}

    [[nodiscard]] const ClusterIdentity& get() const noexcept { return known_; }
    /// Whether it is clear what to measure others by.
    [[nodiscard]] bool is_settled() const noexcept { return settled_; }
    /// Whether another system identifier is told by all: all are to be asked.
    [[nodiscard]] bool is_doubted() const noexcept { return successor_.has_value(); }
    /// Whether a host should be asked who it is.
    [[nodiscard]] bool wants_vote_of(const std::string& host) const;
    /// Why nobody is to be believed, if the hosts are of different clusters.
    [[nodiscard]] const std::string& dispute() const noexcept { return dispute_; }

    /// What the hosts said, by URL.
    [[nodiscard]] const std::map<std::string, ClusterIdentity>& votes() const noexcept {
        return votes_;
    }
    /// A host's own word.
    void vote(const std::string& host, const ClusterIdentity& told);
    /// Whether it is clear now; `no_more`: those who have not voted will not do so soon.
    bool settle(bool no_more);
    /// What somebody said who is known to belong here: what was not known yet is taken from it.
    void complete(const ClusterIdentity& told);

    /// Somebody's own word; `is_known_member`: at an address that members had before.
    void hear(const ClusterIdentity& told, bool is_known_member);
    /// Whether the cluster is another from now on.
    bool end_poll(Clock::time_point now);

  private:
    struct Count {
        ClusterIdentity identity;
        std::size_t votes = 0;
        bool is_tie = false;
    };
    [[nodiscard]] Count most_voted() const;
    void take(const ClusterIdentity& told);

    ClusterIdentity stated_;
    ClusterIdentity known_;
    std::size_t hosts_;
    std::map<std::string, ClusterIdentity> votes_;  ///< by host
    bool settled_ = false;
    bool firm_ = false;  ///< by more than half of the hosts
    std::string dispute_;

    // What was heard in this poll.
    bool heard_known_ = false;
    bool heard_member_ = false;
    bool heard_several_ = false;
    std::optional<ClusterIdentity> heard_other_;
    struct Successor {
        ClusterIdentity identity;
        Clock::time_point since;
    };
    std::optional<Successor> successor_;
};

}  // namespace patroni
