#include "daemon/report/cluster_log.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace daemons {
namespace {

using namespace std::chrono_literals;
using log::Level;
using patroni::Standing;
using testing::ElementsAre;
using testing::IsEmpty;

using Lines = std::vector<std::string>;

/// The log of a cluster "c", in a time of its own.
class ClusterLogTest : public testing::Test {
  protected:
    static patroni::Leadership nobody(const std::string& reason) {
        patroni::Leadership leader;
        leader.reason = reason;
        return leader;
    }
    static patroni::Leadership leader(const std::string& member, const std::string& reason,
                                      Standing standing = Standing::eligible) {
        patroni::Leadership leader;
        leader.member = member;
        leader.standing = standing;
        leader.reason = reason;
        return leader;
    }

    void view(const patroni::Leadership& leadership) {
        patroni::Member p1;
        p1.name = "p1";
        p1.role = head_;
        p1.role_name = "leader";
        p1.state_name = "running";
        patroni::ClusterSnapshot snapshot;
        snapshot.members = {p1};
        patroni::ClusterView view;
        view.snapshot = std::make_shared<const patroni::ClusterSnapshot>(std::move(snapshot));
        view.leader = leadership;
        view.warnings = warnings_;
        log_.on_view(view);
    }
    void answered_poll() { poll({.answered = true, .host = "http://a:8008", .errors = {}}); }
    void failed_poll() {
        poll({.answered = false, .host = {}, .errors = "http://a:8008: refused"});
    }
    void poll(const patroni::ClusterWatcher::PollResult& poll) { log_.on_poll(poll, now_); }
    /// What was logged since the last call.
    Lines taken() { return std::exchange(lines_, {}); }

    patroni::Clock::time_point now_{1h};
    patroni::Role head_ = patroni::Role::leader;
    std::vector<std::string> warnings_;

  private:
    Lines lines_;
    ClusterLog log_{"c", "clients of c are refused",
                    [this](Level level, const log::About& about, const auto& message) {
                        EXPECT_EQ(about.subject, "c");
                        const std::string names[] = {"ERROR ", "WARNING ", "INFO ", "DEBUG "};
                        lines_.push_back(names[static_cast<int>(level)] + message);
                    }};
};

TEST_F(ClusterLogTest, AStartWithALeaderIsInformation) {
    view(nobody("p1 is shown as leader, but it has not been asked yet"));
    view(leader("p1", "its API answers 200"));
    answered_poll();
    answered_poll();
    EXPECT_THAT(taken(),
                ElementsAre("INFO c: p1 leader running", "INFO c: p1 leads: its API answers 200"));
}

TEST_F(ClusterLogTest, AStartWithoutALeaderIsAWarningOnceThePollIsOver) {
    view(nobody("Patroni shows no leader"));
    EXPECT_THAT(taken(), ElementsAre("INFO c: p1 leader running"));
    failed_poll();
    EXPECT_THAT(taken(), ElementsAre("WARNING c: http://a:8008: refused; keeping the last known "
                                     "topology"));
    answered_poll();
    EXPECT_THAT(taken(), ElementsAre("INFO c: http://a:8008 answers",
                                     "WARNING c: no leader: Patroni shows no leader"));
}

TEST_F(ClusterLogTest, LosingTheLeaderIsAWarningOnce) {
    view(leader("p1", "its API answers 200"));
    answered_poll();
    (void)taken();
    view(nobody("p1 is no longer leader: its API answers 503"));
    view(nobody("p2 is shown as leader, but its API answers 503"));
    view(leader("p2", "its API answers 200"));
    EXPECT_THAT(taken(),
                ElementsAre("WARNING c: no leader: p1 is no longer leader: its API answers 503",
                            "INFO c: no leader: p2 is shown as leader, but its API answers 503",
                            "INFO c: p2 leads: its API answers 200"));
}

TEST_F(ClusterLogTest, NobodyLeadingForLongerThanAFailoverIsAnErrorEachMinute) {
    view(leader("p1", "its API answers 200"));
    answered_poll();
    view(nobody("Patroni shows no leader"));
    answered_poll();
    (void)taken();
    const auto lost = now_;
    for (now_ = lost + 1s; now_ < lost + 30s; now_ += 1s)
        answered_poll();
    EXPECT_THAT(taken(), IsEmpty());
    // Whether Patroni answers makes no difference: what is known is that nobody leads.
    for (; now_ <= lost + 90s; now_ += 1s)
        answered_poll();
    EXPECT_THAT(taken(), ElementsAre("ERROR c: no leader for 30 s: Patroni shows no leader",
                                     "ERROR c: no leader for 1 min 30 s: Patroni shows no leader"));
    view(leader("p1", "its API answers 200"));
    answered_poll();
    now_ += 10min;
    answered_poll();
    view(nobody("Patroni shows no leader"));
    answered_poll();
    EXPECT_THAT(taken(), ElementsAre("INFO c: p1 leads: its API answers 200",
                                     "WARNING c: no leader: Patroni shows no leader"))
        << "the time counts anew";
}

TEST_F(ClusterLogTest, AStandbyClusterNeedsNoLeader) {
    head_ = patroni::Role::standby_leader;
    view(nobody("Patroni shows no leader"));
    answered_poll();
    now_ += 10min;
    answered_poll();
    EXPECT_THAT(taken(), ElementsAre("INFO c: p1 leader running",
                                     "INFO c: no leader: Patroni shows no leader"));
}

TEST_F(ClusterLogTest, ALeaderInDoubtStillCounts) {
    view(leader("p1", "its API answers 200"));
    view(leader("p1", "state stopping; waiting for a second answer", Standing::tolerated));
    (void)taken();
    view(leader("p1", "its API answers 200"));
    view(leader("p1", "state stopping; waiting for a second answer", Standing::tolerated));
    EXPECT_THAT(taken(),
                ElementsAre("INFO c: p1 leads: its API answers 200",
                            "INFO c: p1 still counts as leader; one answer against it (state "
                            "stopping), waiting for a second"));
}

TEST_F(ClusterLogTest, FailedPollsAreTheSameNewsOnce) {
    failed_poll();
    failed_poll();
    EXPECT_THAT(taken(),
                ElementsAre("WARNING c: http://a:8008: refused; nothing is known yet; clients of c "
                            "are refused"));
    poll({.answered = true, .host = "http://b:8008", .errors = "http://a:8008: refused"});
    EXPECT_THAT(taken(), IsEmpty());
    poll({.answered = true, .host = "http://b:8008", .errors = "http://a:8008: timed out"});
    EXPECT_THAT(taken(), ElementsAre("WARNING c: http://a:8008: timed out"));
}

TEST_F(ClusterLogTest, EachWarningIsLoggedOnceForAsLongAsItStays) {
    warnings_ = {"p2 is behind"};
    view(leader("p1", "its API answers 200"));
    (void)taken();
    warnings_ = {"p2 is behind", "p3 is behind"};
    view(leader("p1", "its API answers 200"));
    EXPECT_THAT(taken(), ElementsAre("WARNING c: p3 is behind"));
    warnings_ = {};
    view(leader("p1", "its API answers 200"));
    warnings_ = {"p2 is behind"};
    view(leader("p1", "its API answers 200"));
    EXPECT_THAT(taken(), ElementsAre("WARNING c: p2 is behind"));
}

}  // namespace
}  // namespace daemons
