#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "patroni/answers/observation.h"
#include "patroni/verdict/cluster_view.h"
#include "patroni/verdict/self_reports.h"

namespace patroni {

/// The one member shown as a running leader; empty if none is, or two are. Pure.
[[nodiscard]] std::string leader_named_by(const ClusterSnapshot& snapshot);

/// Decides who leads: observations in, a view out. No clock, no I/O: the same observations give the
/// same view. Not thread-safe; a value.
///
/// - A member proves that it leads by its GET /primary: status 200, role primary, state running.
/// - If its API cannot be reached, or its Patroni knows nothing of its PostgreSQL, /cluster alone
///   counts: at once if no leader has been known so far, else when a second answer agrees,
///   kConfirmAfter later.
/// - Silence changes nothing. One contrary answer stops new sessions. A second one, or one from the
///   other source, ends the leadership, and so does another leader.
/// - After a denial, silence does not bring the leader back: /cluster has to name it twice.
/// - While the cluster is paused, the leader stays until another member proves to be primary.
/// - A lower timeline than the highest one proven has to be confirmed by both sources.
/// - If two members prove themselves, the challenger wins only if /cluster names it through a third
///   member's API. A leader that keeps proving itself stays leader against /cluster, with a
///   warning.
/// - When a leadership ends, earlier proofs become void. A proof may be as old as the request for
///   it: if /cluster has named another member since then, it makes no leader, and it refutes no
///   objection that came later.
/// - A push, or trouble on the data path, proves nothing. It is a reason to poll at once, and again
///   kConfirmAfter later.
class Evidence {
  public:
    /// Two answers count as two pieces of evidence only if they are this far apart.
    static constexpr std::chrono::milliseconds kConfirmAfter{500};

    void observe(const Observation& observation);

    [[nodiscard]] const ClusterView& view() const noexcept { return view_; }
    /// The members that every poll asks for GET /primary.
    [[nodiscard]] std::vector<std::string> leaders_to_ask() const;
    /// The leader is beyond doubt: it says so itself and /cluster agrees, or the cluster is paused.
    [[nodiscard]] bool is_settled() const;
    /// The member that /cluster names as lock holder but that reports it is not, or no longer,
    /// primary; empty if there is none.
    [[nodiscard]] std::string candidate() const;
    /// The latest answer of /cluster contradicts the self-reports: another host may know better.
    [[nodiscard]] bool wants_other_host() const;
    /// /cluster names no running leader: the lock is free, or its holder is going down.
    [[nodiscard]] bool is_leaderless() const { return view_.snapshot && named_.empty(); }
    /// A member as last reported, also a leader that /cluster no longer names; else null.
    [[nodiscard]] const Member* find_asked(const std::string& member) const;
    /// Something waits for a second answer, kConfirmAfter later.
    [[nodiscard]] bool wants_confirmation() const noexcept { return wants_confirmation_; }

  private:
    /// An unbroken series of answers of /cluster that agree on something.
    struct Streak {
        Clock::time_point first;
        Clock::time_point last;
        [[nodiscard]] bool confirmed() const { return last - first >= kConfirmAfter; }
    };

    void note(Clock::time_point now, const ClusterAnswer& answer);
    void note(Clock::time_point at, const PrimaryAnswer& answer);
    void note(Clock::time_point at, const PrimarySilence& silence);
    void note(Clock::time_point at, const PositionAnswer& answer);
    void note(Clock::time_point at, const TrafficTrouble& trouble);
    void note(Clock::time_point at, const Push& push);
    void note_self_report(Clock::time_point at, const std::string& member, SelfReport report);

    void decide();
    [[nodiscard]] std::optional<std::string> proven_challenger();
    [[nodiscard]] bool may_succeed(const std::string& member, const SelfReport& report);
    [[nodiscard]] bool is_outdated(const std::string& member, const SelfReport& report) const;
    [[nodiscard]] std::optional<std::string> named_challenger();
    void accept(const std::string& member, std::uint64_t timeline);
    void weigh_leader();
    void describe_leader(Standing standing, const std::string& reason);
    void describe_vacancy();
    void note_denials();
    void warn();
    [[nodiscard]] bool tells_of_leader() const;
    [[nodiscard]] bool is_named_twice() const;
    [[nodiscard]] std::string named_by_cluster() const;
    void update_live_lag();

    [[nodiscard]] bool paused() const;
    [[nodiscard]] bool in_doubt() const;
    [[nodiscard]] const Member* find(const std::string& member) const;

    Clock::time_point latest_;  ///< when the latest observation was made: the only clock here
    SelfReports reports_;
    std::map<std::string, std::uint64_t> positions_;
    std::string named_;                       ///< by the latest /cluster, see leader_named_by()
    Clock::time_point others_named_until_;    ///< when /cluster last named another member, or none
    std::optional<Streak> naming_streak_;     ///< answers that name it
    bool named_by_another_ = false;           ///< at least one of these came through another member
    std::optional<Streak> objection_streak_;  ///< answers that do not name leader_, but should
    /// The leader has answered an objection of /cluster with a proof, and has not been named since.
    bool contradicts_ = false;
    std::string leader_;
    Member leader_details_;
    std::string lost_reason_;  ///< why the last leader is no longer one
    std::uint64_t highest_timeline_ = 0;
    Clock::time_point confirmed_at_;  ///< when the leader last proved itself or was named
    bool ever_led_ = false;           ///< some member
    std::optional<Clock::time_point> doubted_at_;  ///< by trouble, a push or a changed topology
    bool wants_confirmation_ = false;
    ClusterView view_;
};

}  // namespace patroni
