#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "patroni/verdict/cluster_view.h"
#include "patroni/verdict/eligibility.h"

namespace patroni {

/// Whether a member will do, and why (not): for logs, status, agent comments and tests alike.
struct Verdict {
    MemberPtr member;  ///< as last told: it may be gone from the latest answer; never null
    Standing standing = Standing::out;
    std::string reason;
};

/// Folds one view of a cluster after the other into a verdict on every member, for one set of
/// requirements. It adds patience to examine(): what one answer says against a member that serves
/// stops new sessions at most, and how long the others stay depends on what it is.
///
/// No clock: time is that of the answers, so that silence changes nothing. One thread at a time.
class Judge {
  public:
    /// After a failover a healthy replica may show the old timeline for one of Patroni's loops
    /// (loop_wait is 10 s by default) and a poll; after this it has diverged.
    static constexpr std::chrono::seconds kTimelineGrace{30};

    explicit Judge(Requirements wanted) : wanted_(std::move(wanted)) {}

    /// From now on these. Who served until now is treated with the same patience as ever.
    void require(Requirements wanted) { wanted_ = std::move(wanted); }

    /// Members in Patroni's order, then those that vanished but still keep sessions.
    [[nodiscard]] std::vector<Verdict> judge(const ClusterView& view);

  private:
    struct Record {
        MemberPtr member;
        bool present = false;  ///< in the latest answer
        bool served = false;   ///< eligible or tolerated by the verdict before
        bool led = false;      ///< it served as the leader
        bool lagged_out = false;
        std::optional<Clock::time_point> objected_since;  ///< to a member that served
        Objection objection = Objection::none;            ///< the latest
        Clock::time_point same_since;                     ///< of this one
        std::optional<Clock::time_point> fits_since;      ///< while it is lagged out
    };

    Verdict verdict_on(const ClusterView& view, Record& record, const Opinion& opinion);
    Verdict accept(const ClusterView& view, Record& record, const Opinion& opinion);
    Verdict object(const ClusterView& view, Record& record, const Opinion& opinion);
    [[nodiscard]] Clock::duration patience(Objection objection) const;

    Requirements wanted_;
    std::map<std::string, Record> records_;
};

}  // namespace patroni
