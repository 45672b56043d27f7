#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "patroni/verdict/cluster_view.h"
#include "patroni/verdict/eligibility.h"

namespace patroni {

/// May a member serve, and why (not): for logs, status, agent comments and tests.
struct Verdict {
    MemberPtr member;  ///< as last reported; the latest answer may lack it. Never null
    Standing standing = Standing::out;
    std::string reason;
};

/// Turns each new view of a cluster into a verdict on every member, for one set of requirements. It
/// adds patience to examine(): one answer against a member that serves stops new sessions at most,
/// and how long the existing ones stay depends on the objection.
///
/// No clock: time is that of the answers, so silence changes nothing, nor does an entry that cannot
/// be read. Not thread-safe.
class Judge {
  public:
    /// After a failover a healthy replica may show the old timeline for one of Patroni's loops
    /// (loop_wait, 10 s by default) and one poll, and so may the leader whose own API is silent.
    /// After this long the replica has diverged.
    static constexpr std::chrono::seconds kTimelineGrace{30};

    /// What is remembered of one member.
    struct Record {
        MemberPtr member;
        bool present = false;       ///< in the latest answer
        Clock::time_point told_at;  ///< the latest answer that says anything about it
        bool served = false;        ///< eligible or tolerated by the verdict before
        bool led = false;           ///< it served as the leader
        bool lagged_out = false;    ///< it must keep its lag low for lag_window to serve again
        std::optional<Clock::time_point> objected_since;  ///< any objection, while it served
        Objection objection = Objection::none;            ///< the latest one
        Clock::time_point same_since;                     ///< since when it is that one
        std::optional<Clock::time_point> fits_since;      ///< while it is lagged out
    };
    using Records = std::map<std::string, Record>;

    explicit Judge(Requirements wanted) : wanted_(std::move(wanted)) {}

    /// From now on these. Members that serve get the same patience as ever.
    void require(Requirements wanted) { wanted_ = std::move(wanted); }

    [[nodiscard]] const Records& records() const noexcept { return records_; }
    /// Goes on with what the judge of another process remembered. Records without a member are left
    /// out.
    void go_on_with(Records records);

    /// Members in Patroni's order, then those that are gone but may keep sessions.
    [[nodiscard]] std::vector<Verdict> judge(const ClusterView& view);

  private:
    Verdict verdict_on(const ClusterView& view, Record& record, const Examination& examination);
    Verdict accept(const ClusterView& view, Record& record, const Examination& examination);
    Verdict object(Record& record, const Examination& examination);
    [[nodiscard]] Clock::duration patience(Objection objection) const;

    Requirements wanted_;
    Records records_;
};

}  // namespace patroni
