#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "patroni/answers/identity.h"
#include "patroni/answers/observation.h"

namespace patroni {

/// Which cluster is followed: as configured, or learned from its hosts' self-reports, by majority
/// if they disagree. No clock, no I/O. Not thread-safe; a value.
///
/// What was learned stays, with two exceptions. Learned from half of the hosts or fewer, it gives
/// way to what more than half of them say later. And a cluster that was re-initialized is followed:
/// same scope, another system identifier, reported in two polls by everybody who answers, by more
/// than half of the hosts, and by at least one member at an address that was known before.
class KnownIdentity {
  public:
    /// `hosts`: how many there are.
    KnownIdentity(ClusterIdentity stated, std::size_t hosts)
        : stated_(std::move(stated)), known_(stated_), hosts_(hosts) {}

    [[nodiscard]] const ClusterIdentity& get() const noexcept { return known_; }
    /// Whether it is clear which cluster is followed.
    [[nodiscard]] bool is_settled() const noexcept { return settled_; }
    /// Whether everybody reports another system identifier, so that all have to be asked.
    [[nodiscard]] bool is_doubted() const noexcept { return successor_.has_value(); }
    /// Whether a host should be asked who it is.
    [[nodiscard]] bool wants_vote_of(const std::string& host) const;
    /// Why nobody is believed, if the hosts belong to different clusters.
    [[nodiscard]] const std::string& dispute() const noexcept { return dispute_; }

    /// What the hosts reported, by URL.
    [[nodiscard]] const std::map<std::string, ClusterIdentity>& votes() const noexcept {
        return votes_;
    }
    /// A host's self-report.
    void vote(const std::string& host, const ClusterIdentity& told);
    /// Whether it is clear now; `no_more`: no further votes are expected soon.
    bool settle(bool no_more);
    /// Fills in what is not known yet from a report that is known to come from this cluster.
    void complete(const ClusterIdentity& told);

    /// Any self-report; `is_known_member`: from an address that a member had before.
    void hear(const ClusterIdentity& told, bool is_known_member);
    /// True if another cluster is followed from now on.
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
